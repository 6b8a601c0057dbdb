// The features through the whole of TEM: two API processes' worth of gateways, two real workers, one ledger.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import pino from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningApi, startApi } from '../../src/api/server.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testConfig, testEnvironment, USER_TOKEN_SECRET } from '../support/environment.ts';
import { startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { follow } from './notifications/clients.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/seat-reservation.ts', import.meta.url));
const FAILING = fileURLToPath(new URL('failing-type.ts', import.meta.url));
const SETTINGS = { TEM_OUTBOUND_ALLOW: '127.0.0.1', TEM_EVENT_TYPES: `${EXAMPLE},${FAILING}` };

type Answer = Record<'id' | 'state' | 'path' | 'lastError' | 'nextRetryAt' | 'updatedAt', string> & {
  accepted: number;
  transitions: { to: string; error: string | null }[];
};

let apis: RunningApi[] = [];

beforeAll(async () => {
  apis = await startSystem({ apis: 2, workers: 2, settings: SETTINGS });
});

async function startSystem(wanted: {
  apis: number;
  workers: number;
  settings: Record<string, string>;
}): Promise<RunningApi[]> {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const workers = Array.from({ length: wanted.workers }, () =>
    startTem(['worker'], testEnvironment(database, temporal, wanted.settings)),
  );
  const started: RunningApi[] = [];
  atEnd(() => Promise.all([...started.map((api) => api.stop()), ...workers.map((worker) => worker.stop())]));
  const config = testConfig(database, temporal, wanted.settings);
  while (started.length < wanted.apis) started.push(await startApi(config, pino({ level: 'silent' })));
  await Promise.all(workers.map((worker) => worker.ready()));
  return started;
}

function atEnd(stop: () => Promise<unknown>): void {
  try {
    onTestFinished(async () => void (await stop()));
  } catch {
    // Not inside of a test.
    afterAll(stop);
  }
}

async function call(method: 'GET' | 'POST', path: string, body?: unknown, api = apis[0]) {
  const response = await fetch(`${api?.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

async function send(type: string, payload: unknown, api = apis[0]): Promise<string> {
  const { status, body } = await call('POST', '/v1/events', { type, payload }, api);
  expect(status).toBe(202);
  return body.id;
}

async function ended(id: string, states = ['PROCESSED', 'EXTINCT', 'CANCELLED'], api = apis[0]) {
  return waitFor(async () => {
    const { body } = await call('GET', `/v1/events/${id}`, undefined, api);
    return states.includes(body.state) ? body : undefined;
  });
}

async function connect(user: string, api: number, after = '0') {
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(USER_TOKEN_SECRET));
  const client = follow(
    new WebSocket(`${apis[api]?.url.replace('http', 'ws')}/v1/notifications?user=${user}&after=${after}`, [
      `tem.${token}`,
    ]),
  );
  await new Promise((resolve, reject) => client.socket.once('open', resolve).once('error', reject));
  return client;
}

async function receiver(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const ids: string[] = [];
  const server = createServer((request, response) => {
    ids.push(String(request.headers['webhook-id']));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ids, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

test('a notification reaches its user on the other gateway, and on reconnect who was away', async () => {
  const first = await connect('ada', 1);
  const id = await send('notification', { user: 'ada', title: 'Hello', body: 'there' });
  expect(await first.received(1)).toMatchObject([{ type: 'notification', id: '1', event: id, title: 'Hello' }]);
  expect((await ended(id)).state).toBe('PROCESSED');
  first.socket.terminate();
  await ended(await send('notification', { user: 'ada', title: 'away', body: '' }, apis[1]));
  await ended(await send('notification', { user: 'ada', title: 'still away', body: '' }));
  const again = await connect('ada', 0, '1');
  expect((await again.received(2)).map(({ title }) => title)).toEqual(['away', 'still away']);
});

test('a flood reaches every user once, in order', async () => {
  const users = Array.from({ length: 20 }, (_, n) => `flooded-${n}`);
  const clients = await Promise.all(users.map((user, n) => connect(user, n % 2)));
  const events = Array.from({ length: 1_000 }, (_, n) => ({
    type: 'notification',
    payload: { user: users[n % users.length], title: `${n}`, body: '' },
  }));
  expect((await call('POST', '/v1/events/batch', { events })).body.accepted).toBe(1_000);
  for (const client of clients) {
    const frames = await client.received(50);
    expect(client.ids()).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    expect(new Set(frames.map(({ event }) => event)).size).toBe(50);
  }
});

test('a webhook is tried until its receiver takes it, under one id', async () => {
  const target = await receiver((_request, response) => {
    if (target.ids.length === 1) response.writeHead(503, { 'retry-after': '1' }).end('busy');
    else response.writeHead(204).end();
  });
  const id = await send('webhook', { url: target.url, body: { order: 7 } });
  const failed = await ended(id, ['FAILED']);
  expect(failed).toMatchObject({ retryCount: 1, lastError: 'HTTP 503: busy' });
  expect(Date.parse(failed.nextRetryAt) - Date.parse(failed.updatedAt)).toBeLessThan(1_500);
  expect(await ended(id)).toMatchObject({ state: 'PROCESSED', result: { status: 204 } });
  expect(target.ids).toEqual([id, id]);
});

test('a webhook keeps its id on a retry and after the event is revived', async () => {
  const target = await receiver((_request, response) => {
    if (target.ids.length === 1) response.writeHead(500, { 'retry-after': '1' }).end();
    else response.writeHead(target.ids.length === 2 ? 410 : 204).end();
  });
  const id = await send('webhook', { url: target.url, body: {} });
  expect(await ended(id)).toMatchObject({ state: 'EXTINCT', lastError: 'HTTP 410' });
  expect((await call('POST', `/v1/events/${id}/retry`)).status).toBe(202);
  await ended(id, ['PROCESSED']);
  expect(target.ids).toEqual([id, id, id]);
});

test('the idempotency key is the same over attempts and a revival', async () => {
  const id = await send('failing', {});
  await ended(id, ['EXTINCT']);
  expect((await call('POST', `/v1/events/${id}/retry`)).status).toBe(202);
  const errors = await waitFor(async () => {
    const { transitions } = (await call('GET', `/v1/events/${id}/history`)).body;
    const failed = transitions.filter(({ to, error }) => error !== null && (to === 'FAILED' || to === 'EXTINCT'));
    return failed.length === 4 ? failed.map(({ error }) => error) : undefined;
  });
  expect(new Set(errors)).toEqual(new Set([`key ${id}`]));
});

test('410 ends a webhook, a redirect is tried again and not followed', async () => {
  const gone = await receiver((_request, response) => response.writeHead(410).end());
  const moved = await receiver((_request, response) => response.writeHead(302, { location: gone.url }).end());
  const [goneId, movedId] = await Promise.all([
    send('webhook', { url: gone.url, body: null }),
    send('webhook', { url: moved.url, body: null }),
  ]);
  expect(await ended(goneId)).toMatchObject({ state: 'EXTINCT', retryCount: 1, lastError: 'HTTP 410' });
  expect(await ended(movedId, ['FAILED'])).toMatchObject({
    retryCount: 1,
    lastError: 'HTTP 302: redirects are not followed',
  });
  expect(gone.ids).toEqual([goneId]);
});

test('a literal private address is refused at accept', async () => {
  for (const url of ['http://169.254.169.254/', 'http://0x7f.2/', 'http://[::ffff:10.0.0.1]/', 'ftp://example.com/']) {
    const { status, body } = await call('POST', '/v1/events', { type: 'webhook', payload: { url, body: {} } });
    expect([status, body.path]).toEqual([400, '/payload/url']);
  }
});

test('a name that DNS points to this machine ends at the first attempt', async () => {
  const target = await receiver((_request, response) => response.end());
  const [api] = await startSystem({ apis: 1, workers: 1, settings: {} });
  const id = await send('webhook', { url: target.url.replace('127.0.0.1', 'localhost'), body: {} }, api);
  const event = await ended(id, ['PROCESSED', 'FAILED', 'EXTINCT'], api);
  expect(event).toMatchObject({
    state: 'EXTINCT',
    retryCount: 1,
    lastError: expect.stringContaining('localhost is not a public address'),
  });
  expect(target.ids).toEqual([]);
});

test('the example reserves a seat once, and tells whoever came second', async () => {
  const [ada, bob] = await Promise.all([connect('seat-ada', 0), connect('seat-bob', 1)]);
  const first = await ended(await send('seat.reserve', { show: 'hamlet', seat: '12A', user: 'seat-ada' }));
  const second = await ended(await send('seat.reserve', { show: 'hamlet', seat: '12A', user: 'seat-bob' }));
  expect([first.state, second.state, second.lastError]).toEqual([
    'PROCESSED',
    'EXTINCT',
    'seat 12A of hamlet is taken',
  ]);
  expect((await ada.received(1))[0]?.title).toBe('Seat 12A is yours');
  expect((await bob.received(1))[0]?.title).toBe('Seat 12A is not reserved');
});
