// The inbox over HTTP and the gateway inside of the real API.

import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { buildApp } from '../../../src/api/app.ts';
import { readConfig } from '../../../src/config.ts';
import { loadEventTypes } from '../../../src/core/event-types.ts';
import { createOutbound } from '../../../src/core/outbound/index.ts';
import { features } from '../../../src/features.ts';
import { createDatabase } from '../../support/database.ts';
import { unreachableTemporal } from '../../support/temporal.ts';
import { ADMIN_KEY, connect, refusedUpgrade, USER_TOKEN_SECRET, userToken } from './clients.ts';
import { deliver } from './deliver.ts';

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const config = readConfig({
    TEM_ADMIN_KEY: ADMIN_KEY,
    TEM_USER_TOKEN_SECRET: USER_TOKEN_SECRET,
    TEM_SOCKETS_PER_USER: '2',
  });
  const log = pino({ level: 'silent' });
  const outbound = createOutbound({ allow: [] });
  const app = await buildApp({
    config,
    pool,
    acceptPool: pool,
    watchPool: pool,
    databaseUrl,
    log,
    features,
    outbound,
    version: '0.0.0',
    checkTemporal: async () => {},
    temporal: unreachableTemporal(),
    eventTypes: await loadEventTypes([], { config, pool, log, outbound }, features),
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    await app.close();
    await outbound.close();
  });
  const call = async (method: 'GET' | 'POST', path: string, token = ADMIN_KEY) => {
    const response = await app.inject({ method, url: path, headers: { authorization: `Bearer ${token}` } });
    return { status: response.statusCode, body: response.json(), type: response.headers['content-type'] };
  };
  return { app, pool, url, socketUrl: `${url.replace('http', 'ws')}/v1/notifications`, call };
}

describe('the inbox', () => {
  test('is paged, newest first, for the user and for an API key', async () => {
    const { pool, call } = await setup();
    const [event] = await deliver(pool, [{ user: 'ada', title: 'one', body: 'b', data: [1] }]);
    await deliver(
      pool,
      ['two', 'three', 'four', 'five'].map((title) => ({ user: 'ada', title })),
    );
    const first = await call('GET', '/v1/users/ada/notifications?limit=2', await userToken('ada'));
    expect(first.status).toBe(200);
    expect(first.body.notifications.map(({ title }: { title: string }) => title)).toEqual(['five', 'four']);
    const second = await call('GET', `/v1/users/ada/notifications?limit=2&cursor=${first.body.nextCursor}`);
    const third = await call('GET', `/v1/users/ada/notifications?limit=2&cursor=${second.body.nextCursor}`);
    expect(second.body.notifications.map(({ title }: { title: string }) => title)).toEqual(['three', 'two']);
    expect(third.body).toEqual({
      notifications: [
        { id: '1', event, title: 'one', body: 'b', data: [1], createdAt: expect.any(String), readAt: null },
      ],
      nextCursor: null,
    });
    expect((await call('GET', '/v1/users/nobody/notifications')).body).toEqual({ notifications: [], nextCursor: null });
  });

  test('of everybody is paged, and how one stands is told with its sockets', async () => {
    const { pool, call, socketUrl } = await setup();
    const [one] = await deliver(pool, [{ user: 'ada', title: 'one' }]);
    await deliver(pool, [{ user: 'bob', title: 'two' }]);
    const first = await call('GET', '/v1/notifications/recent?limit=1');
    expect(first.body.notifications).toMatchObject([{ user: 'bob', id: '1', title: 'two', readAt: null }]);
    const second = await call('GET', `/v1/notifications/recent?limit=1&cursor=${first.body.nextCursor}`);
    expect(second.body).toMatchObject({ notifications: [{ user: 'ada', event: one }], nextCursor: null });

    const none = { count: 0, isExact: true };
    expect((await call('GET', '/v1/users/nobody/inbox')).body).toEqual({
      user: 'nobody',
      lastId: '0',
      unread: none,
      kept: none,
      sockets: 0,
      sentUpTo: null,
    });
    const client = await connect(socketUrl, 'ada', '0');
    await client.received(1);
    await call('POST', '/v1/users/ada/notifications/1/ack');
    expect((await call('GET', '/v1/users/ada/inbox')).body).toEqual({
      user: 'ada',
      lastId: '1',
      unread: none,
      kept: { count: 1, isExact: true },
      sockets: 1,
      sentUpTo: '1',
    });
  });

  test('shows what is unread, and an acknowledgement is one call', async () => {
    const { pool, call } = await setup();
    await deliver(pool, [
      { user: 'ada', title: 'one' },
      { user: 'ada', title: 'two' },
    ]);
    const token = await userToken('ada');
    const acknowledged = await call('POST', '/v1/users/ada/notifications/1/ack', token);
    expect(acknowledged.body).toMatchObject({ id: '1', title: 'one', readAt: expect.any(String) });
    expect((await call('POST', '/v1/users/ada/notifications/1/ack', token)).body).toEqual(acknowledged.body);
    for (const [query, titles] of [
      ['?unread', ['two']],
      ['?unread=true', ['two']],
      ['?unread=false', ['two', 'one']],
      ['', ['two', 'one']],
    ] as const) {
      const { body } = await call('GET', `/v1/users/ada/notifications${query}`, token);
      expect(body.notifications.map(({ title }: { title: string }) => title)).toEqual(titles);
    }
  });

  test("is the user's own, whatever the name", async () => {
    const { pool, call } = await setup();
    const name = `a/b ${'ü'.repeat(200)}`;
    await deliver(pool, [{ user: name, title: 'hello' }, { user: 'ada' }]);
    const path = `/v1/users/${encodeURIComponent(name)}/notifications`;
    expect((await call('GET', path, await userToken(name))).body.notifications).toHaveLength(1);
    expect((await call('POST', `${path}/1/ack`, await userToken(name))).status).toBe(200);
    for (const [method, target] of [
      ['GET', path],
      ['POST', `${path}/1/ack`],
    ] as const) {
      expect(await call(method, target, await userToken('ada'))).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
      expect((await call(method, target, 'wrong')).status).toBe(401);
    }
  });

  test('takes no more than it knows with an acknowledgement', async () => {
    const { app, pool } = await setup();
    await deliver(pool, [{ user: 'ada' }]);
    const ack = (body?: string, query = '') =>
      app.inject({
        method: 'POST',
        url: `/v1/users/ada/notifications/1/ack${query}`,
        headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { payload: body }),
      });
    for (const [answer, code, path] of [
      [await ack('{"zzz":1}'), 'unknown_field', '/zzz'],
      [await ack(undefined, '?x=1'), 'invalid_query', '/x'],
    ] as const) {
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ code, path });
    }
    expect((await ack('{}')).statusCode).toBe(200);
  });

  test("answers what it can't take with a problem", async () => {
    const { call } = await setup();
    const cases = [
      ['GET', '/v1/users/ada/notifications?limit=0', 400],
      ['GET', '/v1/users/ada/notifications?limit=1001', 400],
      ['GET', '/v1/users/ada/notifications?limit=x', 400],
      ['GET', '/v1/users/ada/notifications?cursor=x', 400],
      ['GET', '/v1/users/ada/notifications?cursor=9999999999999999999999', 400],
      ['GET', '/v1/users/ada/notifications?unread=maybe', 400],
      ['GET', '/v1/users/ada/notifications?more=1', 400],
      ['GET', '/v1/users/a%00b/notifications', 400],
      ['GET', `/v1/users/${'x'.repeat(257)}/notifications`, 400],
      ['POST', '/v1/users/ada/notifications/x/ack', 400],
      ['POST', '/v1/users/ada/notifications/99999999999999999999/ack', 400],
      ['POST', '/v1/users/ada/notifications/7/ack', 404],
    ] as const;
    for (const [method, path, status] of cases) {
      const answer = await call(method, path);
      expect([path, answer.status, answer.type]).toEqual([
        path,
        status,
        expect.stringMatching(/^application\/problem\+json/),
      ]);
      expect(answer.body).toMatchObject({ code: expect.any(String), detail: expect.any(String) });
    }
  });
});

describe('the API process', () => {
  test('pushes over its own port, with the configured limits', async () => {
    const { pool, socketUrl } = await setup();
    const [ada] = await Promise.all([connect(socketUrl, 'ada'), connect(socketUrl, 'ada')]);
    expect((await refusedUpgrade(`${socketUrl}?user=ada&token=${await userToken('ada')}`)).status).toBe(429);
    await deliver(pool, [{ user: 'ada' }]);
    await ada?.received(1);
  });

  test('tells its sockets when it stops, and stops at once', async () => {
    const { app, socketUrl } = await setup();
    const clients = await Promise.all(['ada', 'bob'].map((user) => connect(socketUrl, user)));
    await app.close();
    for (const { closed } of clients)
      expect(await closed).toEqual({ code: 1001, reason: expect.stringContaining('after') });
  });

  test('serves the example page to everybody', async () => {
    const { app } = await setup();
    const response = await app.inject('/examples/notifications');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(response.body).toContain('new WebSocket(');
  });

  test('describes both calls in its OpenAPI document', async () => {
    const { app } = await setup();
    const { paths } = (await app.inject('/openapi.json')).json();
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/v1/users/{user}/notifications', '/v1/users/{user}/notifications/{id}/ack']),
    );
    expect(Object.keys(paths)).not.toContain('/examples/notifications');
    const inbox = '/v1/users/{user}/notifications';
    expect(Object.keys(paths[inbox].get.responses)).toEqual(['200', '400', '401', '403', '503']);
    expect(Object.keys(paths[`${inbox}/{id}/ack`].post.responses)).toEqual(['200', '400', '401', '403', '404', '503']);
  });
});
