// WebSockets by path: one listener of the HTTP server hands each upgrade to whoever serves its path. What is refused is
// answered before the handshake, as an HTTP answer with a problem document.

import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROBLEM_CONTENT_TYPE, type Problem, problem, problemBody } from './problem.ts';

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void | Promise<void>;

export interface WebSockets {
  /** Hands upgrades of exactly this path to `upgrade`, which takes the socket or refuses it. */
  serve(path: string, upgrade: Upgrade): void;
}

const RETRY_AFTER_S = 5;

export function createWebSockets(server: Server): WebSockets {
  const byPath = new Map<string, Upgrade>();
  server.on('upgrade', (request, socket, head) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const upgrade = byPath.get(path);
    if (upgrade) return void upgrade(request, socket, head);
    // Nobody else listens, and a reset connection must not end the process.
    socket.on('error', () => socket.destroy());
    refuseUpgrade(socket, problem(404, 'not_found', `WebSockets are at ${[...byPath.keys()].join(', ') || 'no path'}`));
  });
  return {
    serve(path, upgrade) {
      byPath.set(path, upgrade);
    },
  };
}

export function refuseUpgrade(socket: Duplex, refusal: Problem): void {
  const { status } = refusal;
  const title = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ ...problemBody(refusal), title });
  const headers = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_CONTENT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 429 || status === 503 ? [`Retry-After: ${RETRY_AFTER_S}`] : []),
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
  ];
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
