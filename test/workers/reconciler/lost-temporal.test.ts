// After a lost Temporal database everything starts again, but not all at once: a Temporal that has just come back is slow
// (rule 8).

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { FREE_SLICE_MAX } from '../../../src/core/ledger/free.ts';
import { recoverLostTemporal } from '../../../src/workers/reconciler/lost-temporal.ts';
import { createReconciler } from '../../../src/workers/reconciler/reconciler.ts';
import { createRelayBench, typeOf } from '../relay/bench.ts';

const note = typeOf('note');
const WORKER_ID = '00000000-0000-4000-8000-00000000000a';
const EVENTS = 2 * FREE_SLICE_MAX + 10;
const FREED_PER_SECOND_MAX = 5_000;
/** Timers count whole milliseconds, and the database's clock is another one. */
const INEXACT_MS = 5;
const DAY_MS = 24 * 3_600_000;

async function setup() {
  const bench = await createRelayBench([note]);
  const { pool, client, ledgerId, taskQueue, log, enqueue } = bench;
  await enqueue(note, EVENTS);
  const { lanes } = await discoverLanes(pool, [note.name], 1);
  expect(await claim(pool, { workerId: WORKER_ID, lanes, take: EVENTS, workflowId: undefined })).toHaveLength(EVENTS);
  await pool.query(`update tem.ledger set temporal_namespace_id = 'of a database that is gone'`);
  const options = {
    pool,
    client,
    ledgerId,
    taskQueue,
    everyMs: 60_000,
    restoreSearchAttributes: async () => {},
    log,
  };
  return {
    ...bench,
    options,
    /** Each slice is a transaction, and due_at is when its event was freed. */
    async slices() {
      const { rows } = await pool.query<{ events: number; first: number; last: number }>(`
        select count(due_at)::int as events, extract(epoch from min(due_at))::float8 * 1000 as first,
          extract(epoch from max(due_at))::float8 * 1000 as last
        from tem.event where due_at is not null group by xmin::text order by first`);
      const pauses = rows.slice(1).map(({ first }, index) => first - (rows[index]?.last ?? 0));
      return { events: rows.map(({ events }) => events), pauses };
    },
  };
}
const PAUSE_MS_MIN = (FREE_SLICE_MAX / FREED_PER_SECOND_MAX) * 1_000 - INEXACT_MS;

test('what a lost Temporal had is freed in slices, each a while after the one before', async () => {
  const { options, slices } = await setup();
  await recoverLostTemporal(options, async () => true);
  const { events, pauses } = await slices();
  expect(events).toEqual([FREE_SLICE_MAX, FREE_SLICE_MAX, 10]);
  for (const pauseMs of pauses) expect(pauseMs, String(pauses)).toBeGreaterThan(PAUSE_MS_MIN);
});

test('however many workers notice the loss, the rate is that of one', async () => {
  const { options, slices, registry, pool } = await setup();
  const workers = [1, 2, 3].map(() =>
    createReconciler({
      ...options,
      workerId: randomUUID(),
      types: registry,
      unknownTypeAfterMs: DAY_MS,
      retentionMs: DAY_MS,
      keyRetentionMs: DAY_MS,
      access: { sessionIdleMs: DAY_MS, auditRetentionMs: DAY_MS },
    }),
  );
  await Promise.all(workers.map((worker) => worker.turn()));
  const { events, pauses } = await slices();
  expect(events).toEqual([FREE_SLICE_MAX, FREE_SLICE_MAX, 10]);
  for (const pauseMs of pauses) expect(pauseMs, String(pauses)).toBeGreaterThan(PAUSE_MS_MIN);
  expect((await pool.query('select from tem.part_lease')).rowCount, 'the next turn may be any worker’s').toBe(0);
});

test('a recovery that was left off goes on where it was, and frees nothing that has been claimed since', async () => {
  const { options, pool, slices } = await setup();
  await recoverLostTemporal(options, async () => false);
  expect((await slices()).events).toEqual([FREE_SLICE_MAX]);
  const { lanes } = await discoverLanes(pool, [note.name], 1);
  const again = await claim(pool, { workerId: WORKER_ID, lanes, take: 100, workflowId: undefined });
  await recoverLostTemporal(options, async () => true);
  const { rows } = await pool.query<{ claimed: number; freed: number }>(
    `select count(due_by)::int as claimed, count(due_at)::int as freed from tem.event`,
  );
  expect(rows).toEqual([{ claimed: again.length, freed: EVENTS - again.length }]);
});
