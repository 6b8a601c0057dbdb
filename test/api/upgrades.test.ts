// Clients that offer another protocol than WebSocket, as raw bytes to the running API: they are answered in HTTP/1.1.

import { connect } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startApi } from '../../src/api/server.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testConfig } from '../support/environment.ts';
import { waitFor } from '../support/wait.ts';

const OFFER = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA';

/** One kept connection: `say` sends bytes, `heard` resolves with so many answers' status lines. */
async function setup() {
  const database = await createDatabase();
  const config = testConfig(database, { address: '127.0.0.1:1', namespace: 'default' });
  const api = await startApi(config, pino({ level: 'silent' }));
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(async () => {
    socket.destroy();
    await api.stop();
  });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const statuses = (): string[] => text.match(/HTTP\/1\.1 \d+/g) ?? [];
  const heard = (count: number) => waitFor(() => (statuses().length >= count ? statuses() : undefined));
  return { database, say: (bytes: string) => socket.write(bytes), heard, text: () => text };
}

function post(body: string, { offer = OFFER, length = `Content-Length: ${body.length}` } = {}): string {
  const head = [`POST /v1/events HTTP/1.1`, 'Host: tem', `Authorization: Bearer ${ADMIN_KEY}`, offer, length];
  return `${[...head, 'Content-Type: application/json'].join('\r\n')}\r\n\r\n`;
}

const event = (key: string): string =>
  JSON.stringify({ type: 'notification', payload: { user: 'u', title: 't', body: 'b' }, key });

describe('a client that offers h2c', () => {
  it('has its events accepted, whenever the body comes, and keeps its connection', async () => {
    const { database, say, heard } = await setup();
    say(post(event('whole')) + event('whole'));
    await heard(1);
    say(post(event('later')));
    say(event('later').slice(0, 7));
    say(event('later').slice(7));
    await heard(2);
    const chunked = event('chunked');
    say(post(chunked, { length: 'Transfer-Encoding: chunked' }));
    say(`${chunked.length.toString(16)}\r\n${chunked}\r\n0\r\n\r\n`);
    expect(await heard(3)).toEqual(Array(3).fill('HTTP/1.1 202'));
    const { rows } = await database.pool.query('select key from tem.event order by key');
    expect(rows).toEqual([{ key: 'chunked' }, { key: 'later' }, { key: 'whole' }]);
  });

  it('is answered as anybody else where nothing is', async () => {
    const { say, heard, text } = await setup();
    say(`GET /nowhere HTTP/1.1\r\nHost: tem\r\n${OFFER}\r\n\r\n`);
    expect(await heard(1)).toEqual(['HTTP/1.1 404']);
    expect(text()).not.toContain('WebSocket');
  });
});

it('a WebSocket that is asked for elsewhere is told where they are', async () => {
  const { say, heard, text } = await setup();
  say('GET /v1/events HTTP/1.1\r\nHost: tem\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  expect(await heard(1)).toEqual(['HTTP/1.1 404']);
  await waitFor(() => text().includes('WebSockets are at /v1/notifications'));
});
