// Looking at the queue while an old snapshot keeps the entries of all that was claimed: what a look reads then, and that it
// misses nothing. Whole looks count as slow here, and come only when a test says so.

import type { Pool, PoolClient } from 'pg';
import { expect, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { createLook, type FoundLane } from '../../../src/workers/relay/look.ts';
import { createDatabase } from '../../support/database.ts';
import { entriesReadBy, openSnapshot, workerSession } from '../../support/reads.ts';
import { waitFor } from '../../support/wait.ts';

const WORKER = '00000000-0000-4000-8000-00000000000a';
const EVENTS = 2_000;
const TAKE = 500;
const SECOND_MS = 1_000;
/** Much longer than a transaction's events may come late. */
const LONG_MS = 60_000;
const never = (): number => Number.POSITIVE_INFINITY;

async function setup(wholeRestMs: () => number = never) {
  const { databaseUrl, pool } = await createDatabase();
  const session = workerSession(databaseUrl);
  let nowMs = 0;
  const look = createLook(session, ['note'], { clock: () => nowMs, isBrief: () => false, wholeRestMs });
  const ask = async (): Promise<FoundLane[]> => (await look.ask(true)) ?? [];
  // The first one is always whole.
  await ask();
  let hiccupMs = 0;
  session.on('acquire', () => {
    nowMs += hiccupMs;
    hiccupMs = 0;
  });
  const claimFrom = async (lanes: readonly FoundLane[]): Promise<void> => {
    for (const lane of lanes) {
      for (let more = true; more; ) {
        const rows = await claim(session, { workerId: WORKER, lanes: [lane], take: TAKE, workflowId: 'x' });
        const last = rows.at(-1);
        if (last) look.moved(Object.assign(lane, { from: last.dueAt, fromId: last.id }));
        more = rows.length === TAKE;
      }
    }
  };
  return {
    pool,
    ask,
    restLeftMs: look.restLeftMs,
    pass(ms: number) {
      nowMs += ms;
    },
    /** The next statement is answered so much later. */
    delayNext(ms: number) {
      hiccupMs = ms;
    },
    groups: async () => (await ask()).map(({ group }) => group).sort(),
    enqueue: (count: number, group = '', priority = 3, client: Pool | PoolClient = pool) =>
      client.query(`select tem.enqueue('note', '{}', "group" => $2, priority => $3) from generate_series(1, $1)`, [
        count,
        group,
        priority,
      ]),
    /** Claims everything that a look finds, from where it says that the lanes begin. */
    claimAll: async () => claimFrom(await ask()),
    /** How many entries of the queue's index a look reads. */
    readByLook: async () => (await entriesReadBy(session, 'event_claim', ask)).read,
    transaction: () => openSnapshot(pool),
    async waiting(): Promise<number | undefined> {
      const { rows } = await pool.query<{ count: number }>('select count(due_at)::int as count from tem.event');
      return rows[0]?.count;
    },
  };
}

test('a look reads nothing of what was claimed before transactions of that time were over', async () => {
  const { transaction, enqueue, claimAll, pass, ask, groups, readByLook } = await setup();
  await transaction();
  await enqueue(EVENTS);
  await claimAll();
  // They may still be open.
  expect(await readByLook()).toBeGreaterThanOrEqual(EVENTS);
  pass(LONG_MS);
  await ask();
  await enqueue(1);
  expect(await readByLook()).toBeLessThan(10);
  expect(await groups()).toEqual(['']);
  await claimAll();
  // Also where nothing is left.
  expect(await readByLook()).toBeLessThan(10);
});

test('a look reads nothing of what another relay has claimed where this one finds nothing', async () => {
  const one = await setup();
  await one.transaction();
  await one.enqueue(1);
  await one.claimAll();
  one.pass(LONG_MS);
  await one.enqueue(EVENTS);
  await one.pool.query(`update tem.event set due_at = null, due_by = now() where due_at is not null`);
  await one.ask();
  one.pass(LONG_MS);
  await one.ask();
  expect(await one.readByLook()).toBeLessThan(10);
});

test.each([
  ['in each second', 1],
  ['once in seven seconds', 7],
])('looks %s find what committed within that time after it took its place', async (_, seconds) => {
  const { transaction, enqueue, claimAll, pass, groups } = await setup();
  const claimOne = async (): Promise<void> => {
    await enqueue(1);
    await claimAll();
  };
  for (let round = 0; round < 10; round++) {
    await claimOne();
    pass(seconds * SECOND_MS);
  }
  const late = await transaction();
  await enqueue(1, '', 3, late);
  await claimOne();
  for (let passed = seconds; passed < 5; passed += seconds) {
    pass(seconds * SECOND_MS);
    await claimOne();
  }
  await late.query('commit');
  pass(seconds * SECOND_MS);
  expect(await groups()).toEqual(['']);
});

test('what committed even later is found by a whole look beside, claimed to the end, and passed by from then on', async () => {
  const { transaction, enqueue, claimAll, ask, pass, waiting, readByLook } = await setup(() => LONG_MS / 2);
  await transaction();
  const late = await transaction();
  await enqueue(EVENTS, '', 3, late);
  for (let minute = 0; minute < 3; minute++) {
    await enqueue(1);
    await claimAll();
    pass(LONG_MS);
  }
  await late.query('commit');
  await waitFor(async () => {
    pass(SECOND_MS);
    await claimAll();
    return (await waiting()) === 0;
  });
  for (let look = 0; look < 20; look++) {
    pass(SECOND_MS);
    await ask();
  }
  expect(await readByLook()).toBeLessThan(10);
});

test('a look finds new lanes before, between and behind those that it knows', async () => {
  const { enqueue, claimAll, pass, ask, groups } = await setup();
  for (const group of ['b', 'd']) await enqueue(1, group);
  await claimAll();
  pass(LONG_MS);
  await ask();
  expect(await groups()).toEqual([]);
  for (const group of ['a', 'b', 'c', 'e']) await enqueue(1, group);
  await enqueue(1, 'first', 1);
  await enqueue(1, 'last', 5);
  expect(await groups()).toEqual(['a', 'b', 'c', 'e', 'first', 'last']);
});

test('a look that took long is followed by a rest, unless the one before it was quick', async () => {
  const { ask, delayNext, restLeftMs } = await setup();
  delayNext(SECOND_MS);
  await ask();
  expect(restLeftMs()).toBe(0);
  delayNext(SECOND_MS);
  await ask();
  expect(restLeftMs()).toBe(5 * SECOND_MS);
});
