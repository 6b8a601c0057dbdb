// A target that fails as it is told, in front of the real one.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { openSearchUrl } from './setup.ts';

type Fault = 'none' | 'away' | 'silent' | '503';

/** Passes requests on to the real target, or fails as told. */
export async function faultyTarget() {
  const real = new URL(await openSearchUrl());
  const state = { fault: 'none' as Fault, held: [] as (() => Promise<void>)[], holdBulks: false };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const send = () =>
        fetch(new URL(request.url ?? '/', real), {
          method: request.method ?? 'GET',
          headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
          ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
        });
      if (state.fault === 'away') return void request.socket.destroy();
      if (state.fault === '503') return void response.writeHead(503).end('{}');
      if (state.holdBulks && request.url?.startsWith('/_bulk')) {
        // Delivered much later, to nobody.
        state.held.push(async () => void (await (await send()).text()));
        return void request.socket.destroy();
      }
      const answer = await send();
      const text = request.method === 'HEAD' ? undefined : await answer.text();
      if (state.fault === 'silent' && request.url?.startsWith('/_bulk')) return void request.socket.destroy();
      response
        .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' })
        .end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
