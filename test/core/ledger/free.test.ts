// Freeing the events of workers that are gone: all of theirs, none of those that live, and without reading what those had.

import { expect, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { freeDeadWorkers } from '../../../src/core/ledger/free.ts';
import { registerWorker, renewLease } from '../../../src/core/ledger/leases.ts';
import { createDatabase } from '../../support/database.ts';
import { entriesReadBy, openSnapshot, workerSession } from '../../support/reads.ts';

const EVENTS = 2_000;
const idOf = (digit: number): string => `${digit}0000000-0000-4000-8000-00000000000a`;

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const session = workerSession(databaseUrl);
  return {
    pool,
    session,
    register: (id: string) => registerWorker(pool, { id, host: 'test', pid: 1, taskQueue: 'test', types: [] }),
    /** Events of one worker; resolves to how many it has claimed. */
    async give(workerId: string, count: number): Promise<number> {
      await pool.query(`select tem.enqueue('note', '{}') from generate_series(1, $1)`, [count]);
      const { lanes } = await discoverLanes(session, ['note'], 1);
      return (await claim(session, { workerId, lanes, take: count, workflowId: undefined })).length;
    },
    owners: async () =>
      (
        await pool.query<{ worker_id: string }>(
          'select distinct worker_id from tem.event where worker_id is not null order by 1',
        )
      ).rows.map((row) => row.worker_id),
  };
}

test('frees what workers without a lease have, wherever their ids lie, and nothing of those that live', async () => {
  const { pool, register, give, owners } = await setup();
  for (let digit = 1; digit <= 9; digit++) {
    // 4 and 9 never registered, or are forgotten.
    if (digit % 5 !== 4) await register(idOf(digit));
    expect(await give(idOf(digit), 3)).toBe(3);
  }
  const gone = [1, 6, 7].map(idOf);
  await pool.query(`update tem.worker set lease_until = clock_timestamp() where id = any($1)`, [gone]);
  expect(await freeDeadWorkers(pool)).toBe(15);
  expect(await owners()).toEqual([2, 3, 5, 8].map(idOf));
});

test('never frees the events of the worker that asks, and does those of a worker that is alone', async () => {
  const { give, register, session } = await setup();
  await give(idOf(5), 3);
  await register(idOf(6));
  expect(await freeDeadWorkers(session, idOf(5))).toBe(0);
  expect(await freeDeadWorkers(session, idOf(6))).toBe(3);
});

test("a worker whose own lease is over frees nobody's events, as when Postgres's clock has jumped", async () => {
  const { pool, give, register, session } = await setup();
  for (const digit of [5, 6, 7]) await register(idOf(digit));
  await give(idOf(5), 3);
  await pool.query(`update tem.worker set lease_until = lease_until - interval '1 hour'`);
  expect(await freeDeadWorkers(session, idOf(6))).toBe(0);
  await renewLease(session, idOf(6), false, {});
  // From here on its neighbours are over and it isn't: its own flag, which outlasts their next renewal, holds it back.
  expect(await freeDeadWorkers(session, idOf(6))).toBe(3);
});

test('what a relay may have died over while it held it against a schema is held against it by an attempt the next time', async () => {
  const { pool, give, register, session } = await setup();
  await register(idOf(6));
  await give(idOf(5), 1);
  const claimed = async () => {
    const { lanes } = await discoverLanes(session, ['note'], 1);
    return claim(session, { workerId: idOf(6), lanes, take: 1, workflowId: undefined });
  };
  expect(await freeDeadWorkers(session, idOf(6))).toBe(1);
  expect(await claimed()).toMatchObject([{ lane: 1, uncheckedPayload: null }]);
  await pool.query(`update tem.event set lane = 0, due_at = now(), due_by = null`);
  expect(await claimed()).toMatchObject([{ lane: 0, uncheckedPayload: {} }]);
});

test('does not read what live workers have had, which an old snapshot keeps in the index', async () => {
  const { pool, session, register, give } = await setup();
  await openSnapshot(pool);
  for (const digit of [3, 6]) {
    await register(idOf(digit));
    await give(idOf(digit), EVENTS);
  }
  await pool.query(`update tem.event set state = 'PROCESSED', due_by = null`);
  await give(idOf(4), 3);
  const { result, read } = await entriesReadBy(session, 'event_owned', () => freeDeadWorkers(session, idOf(3)));
  expect(result).toBe(3);
  expect(read).toBeLessThan(10);
});
