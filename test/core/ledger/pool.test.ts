// Connections to the ledger that go silent: nothing is refused and nothing ends, so only a clock can tell.

import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createEventTypes } from '../../../src/core/event-types.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { createPool, isUnavailable } from '../../../src/core/ledger/pool.ts';
import { createTypeDirectory } from '../../../src/core/ledger/type-directory.ts';
import { createDatabase } from '../../support/database.ts';
import { linkDatabase } from '../../support/database-link.ts';
import { waitFor } from '../../support/wait.ts';

const STOPS_WITHIN_MS = 3_000;

async function setup() {
  const link = await linkDatabase((await createDatabase()).databaseUrl);
  const pool = createPool(link.databaseUrl, { max: 1, applicationName: 'tem test', queryTimeoutMs: 300 });
  onTestFinished(() => pool.end());
  await pool.query('select 1');
  return { link, pool };
}

test('who waits for a silent connection is told that the ledger is away, and the next one gets another', async () => {
  const { link, pool } = await setup();
  link.silence();
  const error = await pool.query('select 1').catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(Error);
  expect(isUnavailable(error)).toBe(true);
  expect((await pool.query('select 2 as two')).rows).toEqual([{ two: 2 }]);
});

test('those who share the answer of a silent connection are not held for ever', async () => {
  const { link, pool } = await setup();
  const directory = createTypeDirectory(pool, createEventTypes([]));
  link.silence();
  const shared = await Promise.allSettled([directory.fresh(), directory.fresh()]);
  expect(shared.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await directory.fresh();
});

test('a LISTEN connection that went silent is replaced, and holds up no stop', async () => {
  const database = await createDatabase();
  const link = await linkDatabase(database.databaseUrl);
  const listener = createListener(link.databaseUrl, pino({ level: 'silent' }), {
    probeEveryMs: 50,
    answerWithinMs: 200,
  });
  const heard: string[] = [];
  let reconnects = 0;
  listener.listen(
    'test_channel',
    (payload) => heard.push(payload),
    () => {
      reconnects += 1;
    },
  );
  await listener.ready();
  link.silence();
  await waitFor(() => reconnects === 1);
  await database.pool.query(`notify test_channel, 'again'`);
  await waitFor(() => heard.length > 0);
  expect(heard).toEqual(['again']);
  link.freeze();
  const startedAt = performance.now();
  await listener.stop();
  expect(performance.now() - startedAt).toBeLessThan(STOPS_WITHIN_MS);
});

test('what is listened to while the connection is being opened is heard', async () => {
  const { databaseUrl, pool } = await createDatabase();
  const listener = createListener(databaseUrl, pino({ level: 'silent' }));
  onTestFinished(() => listener.stop());
  const heard: string[] = [];
  for (const channel of ['first', 'second']) listener.listen(channel, (payload) => heard.push(payload));
  await listener.ready();
  await pool.query(`notify second, 'two'`);
  await pool.query(`notify first, 'one'`);
  await waitFor(() => heard.length === 2);
  expect(heard).toEqual(['two', 'one']);
});

test("options in DATABASE_URL are kept, and none of them weakens TEM's own", async () => {
  const url = new URL((await createDatabase()).databaseUrl);
  url.searchParams.set(
    'options',
    '-c search_path=shop -c timezone=Asia/Kathmandu -c datestyle=German -c synchronous_commit=off',
  );
  for (const [forHandlers, path, zone, style] of [
    // The driver reads times in ISO's form only; the order of day and month stays the role's.
    [true, 'shop', 'Asia/Kathmandu', /^ISO, DMY/],
    [false, 'pg_catalog,pg_temp', 'UTC', /^ISO/],
  ] as const) {
    const pool = createPool(url.href, { max: 1, applicationName: 'tem test', forHandlers });
    onTestFinished(() => pool.end());
    const { rows } = await pool.query(`
      select current_setting('search_path') as path, current_setting('synchronous_commit') as commit,
        current_setting('jit') as jit, current_setting('timezone') as zone, current_setting('datestyle') as style`);
    expect(rows).toEqual([{ path, commit: 'on', jit: 'off', zone, style: expect.stringMatching(style) }]);
  }
});
