// Targets on this machine, clients to call them with, and resolvers that answer as a test wants.

import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createOutbound, type LookupAll, type Outbound, onTheClock } from '../../../src/core/outbound/index.ts';

export const SIGNAL_MS = 20_000;

export interface Target {
  port: number;
  requests: IncomingMessage[];
  server: Server;
}

export async function listen(answer: RequestListener, host = '127.0.0.1'): Promise<Target> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests, server };
}

export function setup(options: { allow?: string[]; lookup?: LookupAll } = {}): Outbound {
  const outbound = createOutbound({ allow: options.allow ?? [], ...(options.lookup && { lookup: options.lookup }) });
  onTestFinished(() => outbound.close());
  return outbound;
}

export function post(outbound: Outbound, url: string, signal: AbortSignal = AbortSignal.timeout(SIGNAL_MS)) {
  return outbound.request(url, { method: 'POST', body: '{}', signal, offTheClock: onTheClock, maxBytes: 1_000 });
}

/** A resolver whose answers come in turn; the last one stays. */
export function resolver(...answers: string[][]): { lookup: LookupAll; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    lookup(hostname, _options, callback) {
      asked.push(hostname);
      const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? [];
      setImmediate(() =>
        callback(
          null,
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      );
    },
  };
}
