// Interim answers (1xx) that a target sends unasked are passed over, however they arrive: RFC 9110 15.2.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { post, setup } from './targets.ts';

const REQUESTS = 4;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\nx: HTTP/1.1 100\r\n\r\n';
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n';
const FINAL = 'HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nlast';
const BODY = 'HTTP/1.1 100 Continue\r\n\r\nlast';

/** Answers every request on a connection with these pieces. */
async function target(...pieces: string[]) {
  let connections = 0;
  const sockets = new Set<Socket>();
  const answer = async (socket: Socket): Promise<void> => {
    for (const piece of pieces) {
      socket.write(piece);
      await turn();
    }
  };
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (request) => request.toString().startsWith('POST') && answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, connections: () => connections };
}

test.each([
  ['a 100', [CONTINUE, FINAL]],
  ['a 100 in the same piece', [CONTINUE + FINAL]],
  ['a 102', [PROCESSING, FINAL]],
  ['a 103', [HINTS, FINAL]],
  ['several in a row', [CONTINUE + HINTS + CONTINUE, PROCESSING + CONTINUE, FINAL]],
  ['one byte at a time', [...(CONTINUE + HINTS + FINAL)]],
  ['bare line feeds', ['HTTP/1.1 100 Continue\n\n', FINAL]],
  ['no reason', ['HTTP/1.1 100 \r\n\r\n', FINAL]],
  ['none', [FINAL]],
])('with %s the answer is the final one, also on the same connection again', async (_, pieces) => {
  const { url, connections } = await target(...pieces);
  const outbound = setup({ allow: ['127.0.0.1'] });
  for (let time = 1; time <= REQUESTS; time += 1) {
    expect(await post(outbound, url)).toMatchObject({ status: 200, body: BODY, complete: true });
  }
  expect(connections()).toBeLessThan(REQUESTS);
});

test('a 101, which changes the protocol, is a failure as before', async () => {
  const { url } = await target('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n');
  await expect(post(setup({ allow: ['127.0.0.1'] }), url)).rejects.toThrow();
});

test('a target that ends in the middle of one is a failure', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 100 Con'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await expect(post(setup({ allow: ['127.0.0.1'] }), `http://127.0.0.1:${port}/`)).rejects.toThrow();
});
