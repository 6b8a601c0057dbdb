// Who may open a socket, how many, and what becomes of those that fail, dawdle or outlive the server.

import { connect as connectTcp } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';
import { ADMIN_KEY, type Client, connect, follow, refusedUpgrade, startGateway, userToken } from './clients.ts';
import { deliver } from './deliver.ts';

const KEY = encodeURIComponent(ADMIN_KEY);
// 256 characters, 512 UTF-16 units.
const LONGEST_USER = '👋'.repeat(256);

describe('opening', () => {
  test('takes the token from the query, the subprotocol or the header', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    const token = await userToken('ada');
    const sockets = [
      new WebSocket(`${url}?user=ada&token=${token}`),
      new WebSocket(`${url}?user=ada`, [`tem.${token}`]),
      new WebSocket(`${url}?user=ada`, ['other', `tem.${token}`]),
      new WebSocket(`${url}?user=ada&token=`, [`tem.${token}`]),
      new WebSocket(`${url}?user=ada`, { headers: { authorization: `Bearer ${token}` } }),
      new WebSocket(`${url}?user=anybody&token=${KEY}`),
      new WebSocket(`${url}?user=${encodeURIComponent(LONGEST_USER)}&token=${await userToken(LONGEST_USER)}`),
    ].map(follow);
    await Promise.all(
      sockets.map(({ socket }) => new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))),
    );
    expect(sockets.map(({ socket }) => socket.protocol)).toEqual(['', ...Array(3).fill(`tem.${token}`), '', '', '']);
  });

  test('is refused in words, before the handshake', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    const token = await userToken('ada');
    const cases: [string, number, string][] = [
      [`${url}?user=bob&token=${token}`, 403, 'forbidden'],
      [`${url}?user=ada`, 401, 'unauthorized'],
      [`${url}?user=ada&token=`, 401, 'unauthorized'],
      [`${url}?user=ada&token=${token}x`, 401, 'unauthorized'],
      [`${url}?user=ada&token=${await userToken('ada', '-1m')}`, 401, 'unauthorized'],
      [`${url}?user=ada&token=wrong`, 401, 'unauthorized'],
      [`${url}?token=${token}`, 400, 'invalid_query'],
      [`${url}?user=${'x'.repeat(257)}&token=${KEY}`, 400, 'invalid_query'],
      [`${url}?user=a%00b&token=${KEY}`, 400, 'invalid_query'],
      [`${url}?user=ada&after=x&token=${token}`, 400, 'invalid_query'],
      [`${url}?user=ada&after=-1&token=${token}`, 400, 'invalid_query'],
      [`${url}?user=ada&after=&token=${token}`, 400, 'invalid_query'],
      [`${url}?user=ada&aftr=7&token=${token}`, 400, 'invalid_query'],
      [`${url}?user=ada&user=bob&token=${token}`, 400, 'invalid_query'],
      [`${url}/more?user=ada&token=${token}`, 404, 'not_found'],
      [url.replace('/v1/notifications', '//x'), 404, 'not_found'],
    ];
    for (const [target, status, code] of cases) {
      const refused = await refusedUpgrade(target);
      expect([target, refused.status, refused.problem.code]).toEqual([target, status, code]);
      expect(refused.headers['content-type']).toBe('application/problem+json');
    }
    const { status } = await refusedUpgrade(`${url}?user=ada`, { protocols: ['tem.wrong'] });
    expect(status).toBe(401);
  });

  test('with a handshake that is no WebSocket harms nobody and takes no place', async () => {
    const database = await createDatabase();
    const { url, gateway } = await startGateway(database);
    const { hostname, port } = new URL(url);
    for (const request of [
      `GET /v1/notifications?user=ada&token=${KEY} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      `GET /v1/notifications?user=ada&token=${KEY} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      `GET ?user=%ff HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    ]) {
      const socket = connectTcp(Number(port), hostname);
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.write(request);
      await new Promise((resolve) => socket.once('close', resolve));
      expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
    }
    expect(gateway.sockets).toBe(0);
    await connect(url, 'ada');
  });
});

describe('limits', () => {
  test('per user and in total, with room again when a socket closes', async () => {
    const database = await createDatabase();
    const { url, gateway } = await startGateway(database, { limits: { socketsPerUser: 2, socketsTotal: 3 } });
    const [first] = await Promise.all([connect(url, 'ada'), connect(url, 'ada')]);
    const third = await refusedUpgrade(`${url}?user=ada&token=${KEY}`);
    expect([third.status, third.problem.code, third.headers['retry-after']]).toEqual([429, 'too_many_sockets', '5']);
    await connect(url, 'bob');
    const fourth = await refusedUpgrade(`${url}?user=eve&token=${KEY}`);
    expect([fourth.status, fourth.problem.code]).toEqual([503, 'too_many_sockets']);
    first?.socket.close();
    await waitFor(() => gateway.sockets === 2);
    await connect(url, 'ada');
  });

  test('hold when many connect at the same moment', async () => {
    const database = await createDatabase();
    const { url, gateway } = await startGateway(database, { limits: { socketsPerUser: 5, socketsTotal: 100 } });
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => connect(url, 'ada')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(gateway.sockets).toBe(5);
  });
});

describe('sockets that fail', () => {
  test('one that answers no ping is noticed and frees its place', async () => {
    const database = await createDatabase();
    const { url, gateway } = await startGateway(database, { timing: { pingMs: 100 } });
    const alive = await connect(url, 'ada');
    const dead = await connect(url, 'bob', undefined, { autoPong: false });
    await dead.closed;
    await waitFor(() => gateway.sockets === 1);
    await deliver(database.pool, [{ user: 'ada' }]);
    await alive.received(1);
  });

  test('one that reads nothing is bounded, dropped, and goes on where it was', async () => {
    const database = await createDatabase();
    const { url, log } = await startGateway(database, { timing: { slowMs: 300, pollMs: 100, closeMs: 100 } });
    const slow = await connect(url, 'ada', '0');
    const quick = await connect(url, 'ada', '0');
    slow.socket.pause();
    // It reads again as soon as it has been dropped, so that it sees the server's last word.
    const dropped = waitFor(() => log.some((line) => line.includes('slow sockets were closed'))).then(() =>
      slow.socket.resume(),
    );
    const before = process.memoryUsage().rss;
    for (let batch = 0; batch < 50; batch += 1) {
      await deliver(
        database.pool,
        Array.from({ length: 100 }, () => ({ user: 'ada', body: 'x'.repeat(9_000) })),
        { told: batch % 10 === 9 },
      );
    }
    await quick.received(5_000);
    await dropped;
    expect((await slow.closed).code).toBe(1013);
    expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000);
    const last = slow.ids().at(-1) ?? 0;
    expect(slow.ids()).toEqual(Array.from({ length: last }, (_, n) => n + 1));
    const again = await connect(url, 'ada', String(last));
    await again.received(5_000 - last);
    expect(again.ids()).toEqual(Array.from({ length: 5_000 - last }, (_, n) => last + 1 + n));
  });
});

test('a stopping server says so to every socket, and refuses new ones', async () => {
  const database = await createDatabase();
  const { url, gateway } = await startGateway(database);
  const clients = await Promise.all(Array.from({ length: 20 }, (_, n) => connect(url, `user ${n}`)));
  const stopped = gateway.stop();
  expect((await refusedUpgrade(`${url}?user=ada&token=${KEY}`)).status).toBe(503);
  await stopped;
  expect(new Set((await Promise.all(clients.map(({ closed }) => closed))).map(({ code }) => code))).toEqual(
    new Set([1001]),
  );
  expect(gateway.sockets).toBe(0);
});

test('a thousand users each get theirs, in order', async () => {
  const database = await createDatabase();
  const { url } = await startGateway(database);
  const users = Array.from({ length: 1_000 }, (_, n) => `user ${n}`);
  const clients: Client[] = [];
  for (let n = 0; n < users.length; n += 50)
    clients.push(...(await Promise.all(users.slice(n, n + 50).map((user) => connect(url, user)))));
  for (let round = 0; round < 3; round += 1) {
    for (let n = 0; n < users.length; n += 100)
      await deliver(
        database.pool,
        users.slice(n, n + 100).map((user) => ({ user, title: user })),
      );
    await turn();
  }
  await waitFor(() => clients.every(({ frames }) => frames.length >= 3));
  clients.forEach((client, n) => {
    expect(client.ids()).toEqual([1, 2, 3]);
    expect(new Set(client.frames.map(({ title }) => title))).toEqual(new Set([users[n]]));
  });
});
