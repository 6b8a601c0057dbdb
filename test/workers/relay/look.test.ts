// Looking at the queue while an old snapshot keeps the entries of all that was claimed: what a look reads then, and that it
// misses nothing. `wholeBriefMs: 0` stands for a queue whose whole look has become slow.

import type { Pool, PoolClient } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { createLook, type FoundLane } from '../../../src/workers/relay/look.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const WORKER = '00000000-0000-4000-8000-00000000000a';
const EVENTS = 2_000;
const TAKE = 500;
/** Longer than a transaction's events may come late. */
const LONG_MS = 60_000;

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  // Its only session, so that what a look reads can be counted.
  const session = createPool(databaseUrl, { max: 1, applicationName: 'tem test', looksUp: true });
  onTestFinished(() => session.end());
  let queries = 0;
  session.on('acquire', () => {
    queries += 1;
  });
  let passedMs = 0;
  const look = createLook(session, ['note'], { wholeBriefMs: 0, clock: () => performance.now() + passedMs });
  const ask = async (): Promise<FoundLane[]> => {
    await waitFor(() => look.restLeftMs() === 0);
    return (await look.ask(true)) ?? [];
  };
  const enqueue = (count: number, group = '', priority = 3, client: Pool | PoolClient = pool) =>
    client.query(`select tem.enqueue('note', '{}', "group" => $2, priority => $3) from generate_series(1, $1)`, [
      count,
      group,
      priority,
    ]);
  return {
    enqueue,
    groups: async () => (await ask()).map(({ group }) => group),
    pass(ms: number) {
      passedMs += ms;
    },
    /** Claims everything that a look finds, from where it says that the lanes begin. */
    async claimAll(): Promise<void> {
      for (const lane of await ask()) {
        for (let more = true; more; ) {
          const rows = await claim(session, { workerId: WORKER, lanes: [lane], take: TAKE, workflowId: 'x' });
          const last = rows.at(-1);
          if (last) look.moved(Object.assign(lane, { from: last.dueAt, fromId: last.id }));
          more = rows.length === TAKE;
        }
      }
    },
    /** A look that had no whole one beside it: what it found, and how many entries of the queue's index it read. */
    async lookAlone(): Promise<{ groups: string[]; read: number }> {
      for (;;) {
        await session.query('begin');
        const before = await entriesRead(session);
        const queriesBefore = queries;
        const found = await ask();
        const alone = queries === queriesBefore + 1;
        const read = (await entriesRead(session)) - before;
        await session.query('commit');
        if (alone) return { groups: found.map(({ group }) => group), read };
      }
    },
    async transaction(): Promise<PoolClient> {
      const client = await pool.connect();
      onTestFinished(() => client.release(true));
      await client.query('begin isolation level repeatable read');
      await client.query('select count(*) from tem.event');
      return client;
    },
    waiting: async () =>
      (await pool.query<{ count: number }>('select count(*)::int as count from tem.event where due_at is not null'))
        .rows[0]?.count,
  };
}

async function entriesRead(session: Pool): Promise<number> {
  const { rows } = await session.query<{ read: number }>(
    `select pg_stat_get_xact_tuples_returned('tem.event_claim'::regclass)::int as read`,
  );
  return rows[0]?.read ?? 0;
}

test('a look reads nothing of what was claimed before transactions of that time were over', async () => {
  const { transaction, enqueue, claimAll, pass, lookAlone } = await setup();
  await transaction();
  await enqueue(EVENTS);
  await claimAll();
  // They may still be open.
  expect((await lookAlone()).read).toBeGreaterThanOrEqual(EVENTS);
  pass(LONG_MS);
  await enqueue(1);
  const { groups, read } = await lookAlone();
  expect(groups).toEqual(['']);
  expect(read).toBeLessThan(10);
  await claimAll();
  expect((await lookAlone()).read).toBeLessThan(10);
});

test('a look finds what committed within that time after it took its place', async () => {
  const { transaction, enqueue, claimAll, pass, lookAlone } = await setup();
  let late: PoolClient | undefined;
  for (let second = 0; second < 20; second++) {
    await enqueue(1);
    await claimAll();
    pass(1_000);
    if (second !== 15) continue;
    late = await transaction();
    await enqueue(1, '', 3, late);
  }
  await late?.query('commit');
  expect((await lookAlone()).groups).toEqual(['']);
});

test('what committed even later is found by the whole look beside, and claimed', async () => {
  const { transaction, enqueue, claimAll, pass, waiting } = await setup();
  const late = await transaction();
  await enqueue(EVENTS, '', 3, late);
  for (let minute = 0; minute < 3; minute++) {
    await enqueue(1);
    await claimAll();
    pass(LONG_MS);
  }
  await late.query('commit');
  await waitFor(async () => {
    await claimAll();
    return (await waiting()) === 0;
  });
});

test('a look finds new lanes before, between and behind those that it knows', async () => {
  const { enqueue, claimAll, pass, lookAlone } = await setup();
  for (const group of ['b', 'd']) await enqueue(1, group);
  await claimAll();
  pass(LONG_MS);
  expect((await lookAlone()).groups).toEqual([]);
  for (const group of ['a', 'b', 'c', 'e']) await enqueue(1, group);
  await enqueue(1, 'first', 1);
  await enqueue(1, 'last', 5);
  expect((await lookAlone()).groups.sort()).toEqual(['a', 'b', 'c', 'e', 'first', 'last']);
});
