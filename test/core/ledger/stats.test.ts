// The ledger's figures, and what they may cost.

import { expect, it, onTestFinished } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { createStatsReader, readFigures } from '../../../src/core/ledger/stats.ts';
import { createDatabase } from '../../support/database.ts';
import { rowsReadBy } from '../../support/reads.ts';
import { waitFor } from '../../support/wait.ts';

const event = (type: string, key: string) => ({ type, key, payload: 1, source: 'test' });

it('counts states, types, rates, the oldest due event and workers', async () => {
  const { pool } = await createDatabase();
  await acceptEvents(pool, [
    event('a', '1'),
    event('a', '2'),
    event('constructor', '3'),
    { ...event('a', '4'), runAt: new Date('2090-01-01') },
  ]);
  await pool.query(`update tem.event set state = 'PROCESSED', due_at = null, processed_at = now() where key = '2'`);
  await pool.query(
    `update tem.event set created_at = now() - interval '90 s', run_at = now() - interval '90 s' where key = '1'`,
  );
  await pool.query(
    `insert into tem.worker (id, lease_until, host, pid, task_queue, types, stopping) values
      (gen_random_uuid(), now() + interval '1 min', 'h', 1, 'q', '{a}', false), (gen_random_uuid(), now() + interval '1 min', 'h', 2, 'q', '{a}', true),
      (gen_random_uuid(), now() - interval '1 s', 'h', 3, 'q', '{a}', false)`,
  );
  const stats = await createStatsReader(pool).read();
  expect(stats.states).toEqual({ QUEUED: 3, PROCESSING: 0, PROCESSED: 1, FAILED: 0, EXTINCT: 0, CANCELLED: 0 });
  expect(stats.types.a).toMatchObject({ QUEUED: 2, PROCESSED: 1 });
  expect(stats.types.constructor).toMatchObject({ QUEUED: 1 });
  expect(stats.rates).toEqual({ acceptedPerSecond: 0.05, processedPerSecond: 0.02 });
  expect(stats.oldest.dueAgeMs).toBeGreaterThanOrEqual(90_000);
  expect(stats.oldest.dueAgeMs).toBeLessThan(120_000);
  expect(stats.workers).toEqual({ alive: 1, stopping: 1 });
});

it('tells how long the events of a type waited and took, of those of the last hour', async () => {
  const { pool } = await createDatabase();
  // Each waits for 2 s from its time on, fails once, and then takes n seconds; one is older than that hour.
  await pool.query(`
    with event as (
      insert into tem.event (type, key, payload, state, due_at, created_at, run_at, processed_at, updated_at)
      select 'slow', n::text, '{}', 'PROCESSED', null, at - interval '1 day', at, at + (10 + n) * interval '1 s', at + (10 + n) * interval '1 s'
        from (select n, now() - case when n = 3 then interval '2 hours' else interval '10 min' end as at from generate_series(1, 3) n) made
      returning id, run_at
    )
    insert into tem.transition (event_id, version, at, from_state, to_state, actor)
    select id, step.n, run_at + step.after * interval '1 s', 'QUEUED', 'PROCESSING', 'test'
      from event, (values (1, 2), (3, 10)) as step(n, after)`);
  const { durations } = await createStatsReader(pool).read();
  expect(durations).toEqual({ slow: { events: 2, waitedMs: 2_000, attemptMs: 1_500 } });
});

it('reads the ledger once for many who ask', async () => {
  const { pool } = await createDatabase();
  const reader = createStatsReader(pool);
  const all = await Promise.all(Array.from({ length: 20 }, () => reader.read()));
  expect(new Set(all).size).toBe(1);
  expect(await reader.read()).toBe(all[0]);
});

it('is empty and not wrong on an empty ledger', async () => {
  const { pool } = await createDatabase();
  const stats = await createStatsReader(pool).read();
  expect(stats).toMatchObject({
    types: {},
    oldest: { dueAgeMs: null },
    durations: {},
    rates: { acceptedPerSecond: 0, processedPerSecond: 0 },
  });
});

it('counts what is few, tells what is many from the statistics, and says so', async () => {
  const { pool } = await createDatabase();
  await pool.query(
    `insert into tem.event (type, key, payload, state, due_at) select 'note', n::text, '{}', 'PROCESSED', null from generate_series(1, 3000) n`,
  );
  await pool.query(`update tem.event set state = 'EXTINCT' where key in ('7', '8')`);
  await pool.query('vacuum analyze tem.event');
  const reader = createStatsReader(pool, { countedMax: 100 });
  const { types, estimated, states } = await reader.read();
  expect(estimated).toEqual({ note: ['PROCESSED'] });
  expect(types.note?.EXTINCT).toBe(2);
  // By chance what is analyzed is all of it here.
  expect(types.note?.PROCESSED).toBeGreaterThan(2_900);
  expect(types.note?.PROCESSED).toBeLessThan(3_100);
  expect(states.PROCESSED).toBe(types.note?.PROCESSED);
});

it('reads the same however large the ledger is', async () => {
  const { databaseUrl, pool } = await createDatabase();
  const session = createPool(databaseUrl, { max: 1, applicationName: 'tem test' });
  onTestFinished(() => session.end());
  const add = async (from: number, to: number): Promise<void> => {
    await pool.query(
      `insert into tem.event (type, key, payload, state, due_at, created_at, updated_at)
       select 'note', n::text, '{}', 'PROCESSED', null, now() - interval '1 h', now() - interval '1 h' from generate_series($1::int, $2) n`,
      [from, to],
    );
    await pool.query('vacuum analyze tem.event');
  };
  // Not the first one, which finds out what is large.
  const read = async (): Promise<number> => {
    const { large } = await readFigures(session, [], 100);
    return rowsReadBy(session, () => readFigures(session, large, 100));
  };
  await add(1, 1_000);
  const few = await read();
  await add(1_001, 20_000);
  expect(await read()).toBeLessThan(few + 100);
});

it('keeps its last answer with its time when a reading takes too long, and rests before the next', async () => {
  const { databaseUrl, pool } = await createDatabase();
  const session = createPool(databaseUrl, { max: 2, applicationName: 'tem test' });
  onTestFinished(() => session.end());
  const reader = createStatsReader(session, { withinMs: 300, patienceMs: 50 });
  const first = await reader.read();
  const locked = await pool.connect();
  onTestFinished(() => locked.release(true));
  await locked.query('begin; lock table tem.event');
  const waiting = async (): Promise<number> =>
    (
      await pool.query(
        `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%tem.event%' and pid <> pg_backend_pid()`,
      )
    ).rowCount ?? 0;
  // Its time comes while the table is locked: the one who asks has the older answer at once.
  const seen = await waitFor(async () => (await reader.read()) === first && (await waiting()) === 1);
  expect(seen).toBe(true);
  await waitFor(async () => (await waiting()) === 0);
  for (let scrape = 0; scrape < 20; scrape++) {
    expect(await reader.read()).toBe(first);
    expect(await waiting(), 'no other reading has begun').toBe(0);
  }
});
