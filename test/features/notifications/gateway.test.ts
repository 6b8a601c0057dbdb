// What a connected user is sent: everything after its place, in order, once, on whichever gateway it is.

import { describe, expect, onTestFinished, test } from 'vitest';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { readInbox } from '../../../src/features/notifications/store.ts';
import { createDatabase } from '../../support/database.ts';
import { linkDatabase } from '../../support/database-link.ts';
import { waitFor } from '../../support/wait.ts';
import { connect, startGateway } from './clients.ts';
import { deliver, handleOpen } from './deliver.ts';

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const many = (user: string, count: number) => Array.from({ length: count }, (_, n) => ({ user, title: `${n + 1}` }));

describe('a connected user', () => {
  test('gets a notification as the contract says', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    const ada = await connect(url, 'ada');
    const [event] = await deliver(database.pool, [{ user: 'ada', title: 'Hello', body: 'there', data: { page: 7 } }]);
    const [frame] = await ada.received(1);
    expect(frame).toEqual({
      type: 'notification',
      id: '1',
      event,
      title: 'Hello',
      body: 'there',
      data: { page: 7 },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
  });

  test('gets only what comes from now on without after, everything with after=0, the rest after an id', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    await deliver(database.pool, many('ada', 3));
    const live = await connect(url, 'ada');
    const all = await connect(url, 'ada', '0');
    const rest = await connect(url, 'ada', '2');
    await all.received(3);
    await deliver(database.pool, [{ user: 'ada' }]);
    await Promise.all([live.received(1), all.received(4), rest.received(2)]);
    expect([live.ids(), all.ids(), rest.ids()]).toEqual([[4], [1, 2, 3, 4], [3, 4]]);
  });

  test('misses nothing that commits after it saw the socket open, also what began before', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    const open = await handleOpen(database.pool, [{ user: 'ada', title: 'began before' }]);
    const ada = await connect(url, 'ada');
    await open.commit();
    await deliver(database.pool, [{ user: 'ada', title: 'came later' }]);
    const frames = await ada.received(2);
    expect(frames.map(({ title }) => title)).toEqual(['began before', 'came later']);
  });

  test("gets no other user's notifications", async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    const [ada, bob] = await Promise.all([connect(url, 'ada'), connect(url, 'bob')]);
    await deliver(database.pool, [
      { user: 'bob', title: 'for bob' },
      { user: 'ada', title: 'for ada' },
    ]);
    await Promise.all([ada.received(1), bob.received(1)]);
    expect([ada.frames[0]?.title, bob.frames[0]?.title]).toEqual(['for ada', 'for bob']);
    expect(ada.frames.length + bob.frames.length).toBe(2);
  });

  test('is reached on whichever gateway it is, and on both', async () => {
    const database = await createDatabase();
    const [first, second] = await Promise.all([startGateway(database), startGateway(database)]);
    const [ada, bob, adaAgain] = await Promise.all([
      connect(first.url, 'ada'),
      connect(second.url, 'bob'),
      connect(second.url, 'ada'),
    ]);
    await deliver(database.pool, [{ user: 'ada' }, { user: 'bob' }]);
    await Promise.all([ada.received(1), bob.received(1), adaAgain.received(1)]);
    expect([ada.ids(), bob.ids(), adaAgain.ids()]).toEqual([[1], [1], [1]]);
  });

  test('is reached within the poll when the NOTIFY was lost', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database, { listens: false, timing: { pollMs: 100 } });
    const ada = await connect(url, 'ada');
    await deliver(database.pool, [{ user: 'ada' }], { told: false });
    await ada.received(1);
  });

  test('is reached after the LISTEN connection broke', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database, { timing: { pollMs: 600_000 } });
    const ada = await connect(url, 'ada');
    await deliver(database.pool, [{ user: 'ada' }]);
    await ada.received(1);
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tem listener' and datname = current_database()`,
    );
    await deliver(database.pool, [{ user: 'ada' }]);
    await ada.received(2);
    expect(ada.ids()).toEqual([1, 2]);
  });

  test('is reached after the connections to the database went silent', async () => {
    const database = await createDatabase();
    const link = await linkDatabase(database.databaseUrl);
    const pool = createPool(link.databaseUrl, { max: 3, applicationName: 'tem test', queryTimeoutMs: 500 });
    onTestFinished(() => pool.end());
    const { url, log } = await startGateway({ databaseUrl: link.databaseUrl, pool }, { timing: { pollMs: 100 } });
    const ada = await connect(url, 'ada');
    await deliver(database.pool, [{ user: 'ada' }]);
    await ada.received(1);
    link.silence();
    await deliver(database.pool, [{ user: 'ada' }]);
    await ada.received(2);
    expect(ada.ids()).toEqual([1, 2]);
    expect(log.some((line) => line.includes('Query read timeout'))).toBe(true);
  });
});

describe('a user who was away', () => {
  test('gets it on reconnect, in order, without gaps or repeats, while more comes in', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    const first = await connect(url, 'ada', '0');
    await deliver(database.pool, many('ada', 5));
    await first.received(5);
    first.socket.terminate();
    await deliver(database.pool, many('ada', 995));
    const writing = (async () => {
      for (let turn = 0; turn < 50; turn += 1) await deliver(database.pool, many('ada', 10));
    })();
    const again = await connect(url, 'ada', first.frames.at(-1)?.id);
    await writing;
    await again.received(1_495);
    expect(again.ids()).toEqual(range(6, 1_500));
  });

  test('starts at the end when its id lies beyond what the ledger holds', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    await deliver(database.pool, many('ada', 2));
    const ada = await connect(url, 'ada', '500');
    await deliver(database.pool, [{ user: 'ada' }]);
    await ada.received(1);
    expect(ada.ids()).toEqual([3]);
  });
});

test('users who read a long past hold up nobody', async () => {
  const database = await createDatabase();
  const { url } = await startGateway(database);
  await deliver(database.pool, many('ada', 20_000));
  const bob = await connect(url, 'bob');
  const ada = await connect(url, 'ada', '0');
  await deliver(database.pool, [{ user: 'bob' }]);
  await bob.received(1);
  expect(ada.frames.length).toBeLessThan(20_000);
  await ada.received(20_000);
  expect(ada.ids()).toEqual(range(1, 20_000));
});

describe('acknowledging', () => {
  test('marks what the user has seen, in the inbox too', async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    const ada = await connect(url, 'ada', '0');
    await deliver(database.pool, many('ada', 1_000));
    await ada.received(1_000);
    for (const { id } of ada.frames.slice(0, 999)) ada.socket.send(JSON.stringify({ type: 'ack', id }));
    await waitFor(async () => {
      const unread = await readInbox(database.pool, { user: 'ada', unread: true, before: undefined, limit: 10 });
      return unread.length === 1 && unread[0]?.id === '1000';
    });
  });

  test("of somebody else's or of nothing does nothing", async () => {
    const database = await createDatabase();
    const { url } = await startGateway(database);
    await deliver(database.pool, [{ user: 'bob' }, { user: 'bob' }]);
    const ada = await connect(url, 'ada');
    await deliver(database.pool, [{ user: 'ada' }]);
    ada.socket.send(JSON.stringify({ type: 'ack', id: '2' }));
    ada.socket.send(JSON.stringify({ type: 'ack', id: '1' }));
    await waitFor(
      async () =>
        (await readInbox(database.pool, { user: 'ada', unread: true, before: undefined, limit: 1 })).length === 0,
    );
    expect(await readInbox(database.pool, { user: 'bob', unread: true, before: undefined, limit: 10 })).toHaveLength(2);
  });

  test('as anything else closes the socket with words', async () => {
    const database = await createDatabase();
    const { url, gateway } = await startGateway(database);
    const frames: [string | Buffer, number][] = [
      ['not json', 1008],
      ['{}', 1008],
      ['[]', 1008],
      ['null', 1008],
      ['{"type":"ack"}', 1008],
      ['{"type":"ack","id":1}', 1008],
      ['{"type":"ack","id":"-1"}', 1008],
      ['{"type":"ack","id":"1","more":1}', 1008],
      ['{"type":"ack","id":"9999999999999999999"}', 1008],
      ['{"type":"notification","id":"1"}', 1008],
      ['{"__proto__":{"type":"ack"},"id":"1"}', 1008],
      [Buffer.from('{"type":"ack","id":"1"}'), 1008],
      ['x'.repeat(1_025), 1009],
      [Buffer.alloc(1_000_000), 1009],
    ];
    for (const [frame, code] of frames) {
      const ada = await connect(url, 'ada');
      ada.socket.send(frame);
      const closed = await ada.closed;
      expect([frame, closed.code]).toEqual([frame, code]);
      if (code === 1008) expect(closed.reason).toContain('ack');
    }
    await waitFor(() => gateway.sockets === 0);
  });
});
