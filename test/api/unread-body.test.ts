// Answers that are known before the whole body has come, told to clients that write all of it before they read anything,
// as Python's urllib and requests do.

import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startApi } from '../../src/api/server.ts';
import { atEnd } from '../support/at-end.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testConfig } from '../support/environment.ts';

const MB = 1_024 * 1_024;
/** Far more than the kernel's buffers hold. */
const LARGE_BYTES = 15 * MB;
const TRICKLE_EVERY_MS = 100;

const config = testConfig(await createDatabase(), { address: '127.0.0.1:1', namespace: 'default' });
const api = await startApi(config, pino({ level: 'silent' }));
atEnd(() => api.stop());

interface Call {
  key?: string;
  contentType?: string;
  length?: string;
}

function open({ key = ADMIN_KEY, contentType = 'application/json', length = '' }: Call): Socket {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname).pause();
  socket.on('error', () => {});
  const head = [
    'POST /v1/events HTTP/1.1',
    'Host: tem',
    `Authorization: Bearer ${key}`,
    `Content-Type: ${contentType}`,
  ];
  socket.write(`${[...head, length, 'Connection: close'].join('\r\n')}\r\n\r\n`);
  return socket;
}

/** Resolves when all of it has left this process; nothing has been read until then. */
function write(socket: Socket, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the connection was closed while the client was still writing')));
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

async function read(socket: Socket): Promise<{ status: number; text: string }> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text };
}

test.concurrent.each<[string, Call, number, string]>([
  ['a body over the limit', {}, 413, 'payload_too_large'],
  ['a wrong key', { key: 'no-such-key-at-all' }, 401, 'unauthorized'],
  ['another content type', { contentType: 'text/plain' }, 415, 'unsupported_media_type'],
])('%s is told after all has been written', async (_what, call, status, code) => {
  const socket = open({ ...call, length: `Content-Length: ${LARGE_BYTES}` });
  await write(socket, Buffer.alloc(LARGE_BYTES, 'x'));
  const answer = await read(socket);
  expect(answer.status).toBe(status);
  expect(answer.text).toContain(`"code":"${code}"`);
});

test.concurrent('a body over the limit in chunks is told after all has been written', async () => {
  const socket = open({ length: 'Transfer-Encoding: chunked' });
  const chunk = `${MB.toString(16)}\r\n${'x'.repeat(MB)}\r\n`;
  await write(socket, `${chunk.repeat(LARGE_BYTES / MB)}0\r\n\r\n`);
  expect((await read(socket)).status).toBe(413);
});

test.concurrent('a client that writes without end is cut off after 16 MiB more', async () => {
  const socket = open({ length: `Content-Length: ${1_024 * MB}` });
  let written = 0;
  await expect(
    (async () => {
      for (; written < 512 * MB; written += MB) await write(socket, Buffer.alloc(MB, 'x'));
    })(),
  ).rejects.toThrow();
  // What both kernels hold comes on top.
  expect(written).toBeLessThan(64 * MB);
});

test.concurrent('a client that only trickles is answered and cut off within 5 s', async () => {
  const socket = open({ length: `Content-Length: ${1_024 * MB}` });
  const began = performance.now();
  const answer = read(socket);
  let over = false;
  void answer.finally(() => {
    over = true;
  });
  while (!over) {
    socket.write('x');
    await delay(TRICKLE_EVERY_MS);
  }
  expect((await answer).status).toBe(413);
  expect(performance.now() - began).toBeGreaterThan(4_000);
});
