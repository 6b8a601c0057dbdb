// What a reconcile turn mends, on a real ledger and a real Temporal whose runs nobody works on: runs without progress,
// runs that timed out or never were, a schedule that is gone; and who runs the turn when the schedule doesn't (rule 7).

import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { eventWorkflowId } from '../../../src/core/workflow-id.ts';
import { createReconciler } from '../../../src/workers/reconciler/reconciler.ts';
import { waitFor } from '../../support/wait.ts';
import { createRelayBench, typeOf } from '../relay/bench.ts';

const note = typeOf('note');
const many = typeOf('many', { batch: 20 });
const MINUTE_MS = 60_000;
const EVERY_MS = MINUTE_MS;
const RETENTION_MS = 30 * 24 * 60 * MINUTE_MS;
const ERROR_LEVEL = 50;

/** `onRestore` is called when Temporal's search attributes are to be registered again. */
async function setup({
  onRestore = async () => {},
  unknownTypeAfterMs = RETENTION_MS,
}: {
  onRestore?: (pool: Pool) => Promise<void>;
  unknownTypeAfterMs?: number;
} = {}) {
  const bench = await createRelayBench([note, many]);
  const { pool, client, temporal, ledgerId, taskQueue } = bench;
  // The bench's relay has no lease: its rows would be freed for that reason.
  const workerId = '00000000-0000-4000-8000-00000000000a';
  await pool.query(
    `insert into tem.worker (id, lease_until, host, pid, task_queue, types)
     values ($1, now() + interval '1 hour', 'test', 1, $2, $3)`,
    [workerId, taskQueue, [note.name, many.name]],
  );
  const reconciler = createReconciler({
    workerId,
    pool,
    client,
    types: bench.registry,
    ledgerId,
    taskQueue,
    everyMs: EVERY_MS,
    restoreSearchAttributes: () => onRestore(pool),
    ...{ unknownTypeAfterMs, retentionMs: RETENTION_MS, keyRetentionMs: RETENTION_MS },
    access: { sessionIdleMs: RETENTION_MS, auditRetentionMs: RETENTION_MS },
    log: bench.log,
  });
  onTestFinished(() => reconciler.stop());
  const row = async (id: string) => {
    const { rows } = await pool.query<{
      state: string;
      generation: number;
      queued: boolean;
      cancel_requested: boolean;
    }>('select *, due_at is not null as queued from tem.event where id = $1', [id]);
    return rows[0];
  };
  return {
    ...bench,
    reconciler,
    row,
    /** Claims what is due of the type, as a relay does. */
    async claimAll(type = note, workflowId?: string) {
      const { lanes } = await discoverLanes(pool, [type.name], 10);
      return claim(pool, { workerId, lanes, take: 100, workflowId });
    },
    runOf: ({ type, key }: { type: string; key: string }) =>
      temporal.client.workflow.getHandle(eventWorkflowId(type, key, false)),
    /** Progress was due so long ago. */
    makeOverdue: (id: string, byMs: number) =>
      pool.query(`update tem.event set due_by = clock_timestamp() - $2 * interval '1 ms' where id = $1`, [id, byMs]),
    /** Until Temporal's visibility shows as many runs. */
    untilVisible: (query: string, count: number) =>
      waitFor(async () => {
        let seen = 0;
        for await (const _ of temporal.client.workflow.list({ query })) seen += 1;
        return seen === count;
      }),
    alarms: () => bench.lines.filter(({ level }) => level === ERROR_LEVEL).map(({ msg }) => msg),
  };
}

describe('an event past its time', () => {
  test('whose open run shows no progress for 5 minutes starts again, the run is ended, and an alarm is logged', async () => {
    const { reconciler, row, enqueue, claimAll, starter, runOf, makeOverdue, untilVisible, alarms } = await setup();
    const [stuck, slow] = (await enqueue(note, 2)) as [string, string];
    const claimed = await claimAll();
    for (const each of claimed) await starter.startEvent(note, each);
    await makeOverdue(stuck, 5 * MINUTE_MS + 1_000);
    await makeOverdue(slow, 4 * MINUTE_MS);
    await reconciler.turn();

    const [ofStuck, ofSlow] = [stuck, slow].map((id) => runOf(claimed.find((each) => each.id === id) as never));
    expect(await row(stuck)).toMatchObject({ state: 'QUEUED', queued: true, generation: 2 });
    expect((await ofStuck?.describe())?.status.name).toBe('TERMINATED');
    expect(alarms()).toEqual([expect.stringContaining('shows no progress')]);
    expect(await row(slow)).toMatchObject({ queued: false, generation: 1 });
    expect((await ofSlow?.describe())?.status.name).toBe('RUNNING');

    // Its end by TEM's own hand is nobody's cancel.
    await untilVisible(`ExecutionStatus = 'Terminated'`, 1);
    await reconciler.turn();
    expect(await row(stuck)).toMatchObject({ state: 'QUEUED', queued: true, cancel_requested: false });
    const [again] = await claimAll();
    await starter.startEvent(note, again as never);
    expect((await ofStuck?.describe())?.status.name).toBe('RUNNING');
  });

  test('of which Temporal knows no run starts again', async () => {
    const { reconciler, row, enqueue, claimAll, makeOverdue } = await setup();
    const [lost, fresh] = (await enqueue(note, 2)) as [string, string];
    await claimAll();
    await makeOverdue(lost, 1);
    await reconciler.turn();
    expect(await row(lost)).toMatchObject({ state: 'QUEUED', queued: true, generation: 2 });
    expect(await row(fresh)).toMatchObject({ queued: false, generation: 1 });
  });
});

describe('a run that Temporal timed out', () => {
  test("starts its event again, also long before that one's time", async () => {
    const { reconciler, row, enqueue, claimAll, client, taskQueue, runOf, untilVisible } = await setup();
    const [id] = (await enqueue(note, 1)) as [string];
    const [claimed] = await claimAll();
    await client.workflow.start('event', {
      workflowId: eventWorkflowId(note.name, claimed?.key as string, false),
      taskQueue,
      args: [{}],
      memo: { event: id, generation: claimed?.generation },
      workflowRunTimeout: 1_000,
    });
    await untilVisible(`ExecutionStatus = 'TimedOut'`, 1);
    expect(await row(id)).toMatchObject({ queued: false });
    await reconciler.turn();
    expect(await row(id)).toMatchObject({ state: 'QUEUED', queued: true, generation: 2, cancel_requested: false });
    // The older run says nothing of the new generation.
    await claimAll();
    await reconciler.turn();
    expect(await row(id)).toMatchObject({ queued: false, generation: 3 });
    expect((await runOf(claimed as never).describe()).status.name).toBe('TIMED_OUT');
  });

  test('gives all members of a batch back', async () => {
    const { reconciler, row, enqueue, claimAll, client, taskQueue, untilVisible } = await setup();
    const ids = await enqueue(many, 3);
    await claimAll(many, 'many:batch:1');
    await client.workflow.start('eventBatch', {
      workflowId: 'many:batch:1',
      taskQueue,
      args: [{}],
      workflowRunTimeout: 1_000,
    });
    await untilVisible(`ExecutionStatus = 'TimedOut'`, 1);
    await reconciler.turn();
    for (const id of ids) expect(await row(id)).toMatchObject({ state: 'QUEUED', queued: true, generation: 2 });
  });
});

describe('the reconcile schedule', () => {
  test('is put back when somebody has deleted it', async () => {
    const { reconciler, temporal, ledgerId } = await setup();
    const schedule = temporal.client.schedule.getHandle(`tem-reconcile-${ledgerId.slice(0, 8)}`);
    await reconciler.turn();
    await schedule.delete();
    await expect(schedule.describe()).rejects.toThrow();
    await reconciler.turn();
    const { action, spec } = await schedule.describe();
    expect(action).toMatchObject({ workflowType: 'reconcile' });
    expect(spec.intervals).toMatchObject([{ every: EVERY_MS }]);
  });
});

describe('the watchdog of a worker', () => {
  const lastTurn = async (pool: Awaited<ReturnType<typeof setup>>['pool'], agoMs: number | null) => {
    const { rows } = await pool.query<{ at: Date | null }>(
      `update tem.ledger set reconciled_at = clock_timestamp() - $1::float8 * interval '1 ms' returning reconciled_at as at`,
      [agoMs],
    );
    return rows[0]?.at?.getTime();
  };
  const turnedAt = async (pool: Awaited<ReturnType<typeof setup>>['pool']) =>
    (await pool.query<{ at: Date | null }>('select reconciled_at as at from tem.ledger')).rows[0]?.at?.getTime();

  test.each([
    ['none has ever run', null],
    ['the last one is late', 2 * EVERY_MS],
  ])('runs a turn when %s', async (_, agoMs) => {
    const { pool, reconciler, row, enqueue, claimAll, makeOverdue, temporal, ledgerId } = await setup();
    const [lost] = (await enqueue(note, 1)) as [string];
    await claimAll();
    await makeOverdue(lost, 1);
    const before = await lastTurn(pool, agoMs);
    reconciler.start();
    await waitFor(async () => (await row(lost))?.queued);
    expect(await turnedAt(pool)).toBeGreaterThan(before ?? 0);
    // The turn also put the schedule there, which runs the next ones.
    await waitFor(() => temporal.client.schedule.getHandle(`tem-reconcile-${ledgerId.slice(0, 8)}`).describe());
  });

  test('leaves the turns to the schedule while they come in time', async () => {
    const { pool, reconciler, row, enqueue, claimAll, makeOverdue } = await setup();
    const [lost] = (await enqueue(note, 1)) as [string];
    await claimAll();
    await makeOverdue(lost, 1);
    const before = await lastTurn(pool, EVERY_MS);
    reconciler.start();
    // What the watchdog does in any case tells that it has looked.
    await waitFor(async () => {
      const { rows } = await pool.query('select from tem.ledger where temporal_namespace_id is not null');
      return rows.length;
    });
    expect(await turnedAt(pool)).toBe(before);
    expect(await row(lost)).toMatchObject({ queued: false });
  });
});

test('a lost Temporal gets its search attributes back before anything starts again', async () => {
  const queuedMeanwhile: number[] = [];
  const { pool, reconciler, row, enqueue, claimAll, alarms } = await setup({
    async onRestore(ledger) {
      const { rows } = await ledger.query<{ queued: number }>('select count(due_at)::int as queued from tem.event');
      queuedMeanwhile.push(rows[0]?.queued as number);
    },
  });
  const ids = await enqueue(note, 3);
  await claimAll();
  await reconciler.turn();
  expect(queuedMeanwhile, 'nothing is lost').toEqual([]);
  await pool.query(`update tem.ledger set temporal_namespace_id = 'of a database that is gone'`);
  await reconciler.turn();
  expect(queuedMeanwhile).toEqual([0]);
  for (const id of ids) expect(await row(id)).toMatchObject({ state: 'QUEUED', queued: true, generation: 2 });
  expect(alarms()).toEqual([expect.stringContaining("Temporal's database is another one")]);
  await reconciler.turn();
  expect(queuedMeanwhile, 'it is the known one now').toEqual([0]);
});

test('after a time without any worker nothing is called unknown until the others had time to come back', async () => {
  const { pool, reconciler, row } = await setup({ unknownTypeAfterMs: 1 });
  const { rows } = await pool.query<{ id: string }>(`select tem.enqueue('elsewhere', '{}') as id`);
  const id = rows[0]?.id as string;
  await reconciler.turn();
  expect(await row(id), 'the first turn ever').toMatchObject({ state: 'QUEUED' });
  await pool.query(`update tem.ledger set reconciled_at = reconciled_at - interval '2 days'`);
  await reconciler.turn();
  expect(await row(id), 'everything was down').toMatchObject({ state: 'QUEUED' });
  await reconciler.turn();
  expect(await row(id)).toMatchObject({ state: 'EXTINCT' });
});
