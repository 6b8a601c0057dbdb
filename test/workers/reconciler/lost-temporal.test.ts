// After a lost Temporal database everything starts again, but not all at once: a Temporal that has just come back is slow
// (rule 8).

import { expect, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { FREE_SLICE_MAX } from '../../../src/core/ledger/free.ts';
import { recoverLostTemporal } from '../../../src/workers/reconciler/lost-temporal.ts';
import { createRelayBench, typeOf } from '../relay/bench.ts';

const note = typeOf('note');
const WORKER_ID = '00000000-0000-4000-8000-00000000000a';
const EVENTS = 2 * FREE_SLICE_MAX + 10;
const FREED_PER_SECOND_MAX = 5_000;
/** Timers count whole milliseconds, and the database's clock is another one. */
const INEXACT_MS = 5;

test('what a lost Temporal had is freed in slices, each a while after the one before', async () => {
  const { pool, client, ledgerId, taskQueue, log, enqueue } = await createRelayBench([note]);
  await enqueue(note, EVENTS);
  const { lanes } = await discoverLanes(pool, [note.name], 1);
  expect(await claim(pool, { workerId: WORKER_ID, lanes, take: EVENTS, workflowId: undefined })).toHaveLength(EVENTS);
  await pool.query(`update tem.ledger set temporal_namespace_id = 'of a database that is gone'`);

  await recoverLostTemporal({
    pool,
    client,
    ledgerId,
    taskQueue,
    everyMs: 60_000,
    restoreSearchAttributes: async () => {},
    log,
  });

  // Each slice is a transaction, and due_at is when its event was freed.
  const { rows: slices } = await pool.query<{ events: number; first: number; last: number }>(`
    select count(due_at)::int as events, extract(epoch from min(due_at))::float8 * 1000 as first,
      extract(epoch from max(due_at))::float8 * 1000 as last
    from tem.event group by xmin::text order by first`);
  expect(slices.map(({ events }) => events)).toEqual([FREE_SLICE_MAX, FREE_SLICE_MAX, 10]);
  const pauses = slices.slice(1).map(({ first }, index) => first - (slices[index]?.last ?? 0));
  for (const pauseMs of pauses)
    expect(pauseMs, String(pauses)).toBeGreaterThan((FREE_SLICE_MAX / FREED_PER_SECOND_MAX) * 1_000 - INEXACT_MS);
});
