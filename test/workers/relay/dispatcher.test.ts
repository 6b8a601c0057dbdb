// What the dispatcher claims and starts, on a real ledger and a real Temporal: shares of types, priorities, turns of
// groups, batches, and those that left one (rule 9).

import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { eventWorkflowId } from '../../../src/core/workflow-id.ts';
import { waitFor } from '../../support/wait.ts';
import { type BenchRow, countBy, createRelayBench, typeOf } from './bench.ts';

const slow = typeOf('slow');
const quick = typeOf('quick');
const many = typeOf('many', { batch: 20 });
const LATE_MS = 60_000;
const SLOTS = 8;

const setup = (further: { batch?: boolean } = {}) =>
  createRelayBench([slow, quick, many], { slots: SLOTS, ...further });

describe('the dispatcher', () => {
  test('gives a type with a backlog half of the slots, and another that comes later some of the rest', async () => {
    const { dispatcher, enqueue, rows } = await setup();
    const { serve, slots } = dispatcher();
    await enqueue(slow, 50, { lateMs: LATE_MS });
    for (let turn = 0; turn < 3; turn++) await serve(slow);
    expect((await rows(slow)).filter(({ claimed }) => claimed)).toHaveLength(SLOTS / 2);
    await enqueue(quick, 50);
    for (let turn = 0; turn < 3; turn++) {
      await serve(quick);
      await serve(slow);
    }
    expect((await rows(quick)).filter(({ claimed }) => claimed)).toHaveLength(SLOTS / 4);
    expect(slots.inFlight()).toBe(SLOTS / 2 + SLOTS / 4);
  });

  test('takes the first priority first, also when a later one has waited longer', async () => {
    const { dispatcher, enqueue, rows } = await setup();
    const { serve } = dispatcher();
    await enqueue(slow, 50, { priority: 5, lateMs: LATE_MS });
    await enqueue(slow, 3, { priority: 1 });
    await enqueue(slow, 50, { priority: 3, lateMs: LATE_MS });
    await serve(slow);
    const claimed = (await rows(slow)).filter((row) => row.claimed);
    expect(countBy(claimed, ({ priority }) => priority)).toEqual({ 1: 3, 3: 1 });
  });

  test('shares what is free between the groups of a priority, however much one of them has', async () => {
    const { dispatcher, enqueue, rows } = await setup();
    const { serve, slots } = dispatcher();
    await enqueue(slow, 200, { group: 'big', lateMs: LATE_MS });
    for (const group of ['small', 'medium', 'tiny']) await enqueue(slow, 3, { group });
    await serve(slow);
    const claimed = async () => (await rows(slow)).filter((row) => row.claimed);
    expect(countBy(await claimed(), ({ group }) => group)).toEqual({ big: 1, small: 1, medium: 1, tiny: 1 });
    // From now on one slot is free at a time.
    for (let turn = 0; turn < 8; turn++) {
      expect((await claimed()).find((row) => slots.release(idOf(row)))).toBeDefined();
      expect(await serve(slow)).toBe(1);
    }
    expect(countBy(await claimed(), ({ group }) => group)).toEqual({ big: 3, small: 3, medium: 3, tiny: 3 });
  });

  test('forms batches when the oldest event has waited, first priority first, in turns between groups', async () => {
    const { dispatcher, enqueue, rows, temporal } = await setup();
    const { serve, slots, counters } = dispatcher();
    await enqueue(many, 100, { group: 'a', lateMs: LATE_MS });
    await enqueue(many, 100, { group: 'b', lateMs: LATE_MS });
    // What is claimed first shows how long it has waited.
    await serve(many);
    for (const row of await rows(many)) slots.release(idOf(row));
    await enqueue(many, 5, { group: 'c', priority: 1 });
    await serve(many);
    await serve(many);
    expect(counters).toMatchObject({ batches: 2 });
    const batches = [1, 2].map((n) => new RegExp(`^many:batch:[0-9a-f]{8}-${n}$`));
    const [first, second] = await Promise.all(
      batches.map(async (id) => (await rows(many)).filter((row) => id.test(row.workflow_id ?? ''))),
    );
    expect(countBy(first ?? [], ({ group }) => group)).toEqual({ c: 5 });
    expect(countBy(second ?? [], ({ group }) => group)).toEqual({ a: 10, b: 10 });
    const run = temporal.client.workflow.getHandle(second?.[0]?.workflow_id ?? '');
    expect(await run.describe()).toMatchObject({
      type: 'eventBatch',
      status: { name: 'RUNNING' },
      memo: { events: 20 },
    });
  });

  test.each([
    [20, 0],
    [21, 1],
  ])('that claims an event which was due for %d ms forms %d batches of those behind it', async (lateMs, batches) => {
    const { pool, dispatcher, enqueue, rows } = await setup();
    const { serve, slots, counters } = dispatcher();
    claimAs(pool, lateMs);
    await enqueue(many, 20);
    await serve(many);
    expect(counters).toMatchObject({ started: SLOTS / 2, batches: 0 });
    for (const row of await rows(many)) slots.release(idOf(row));
    await serve(many);
    expect(counters).toMatchObject({ batches });
  });

  test('forms none for a type that says nothing of batches, nor when they are off', async () => {
    for (const [type, batch] of [
      [slow, true],
      [many, false],
    ] as const) {
      const { dispatcher, enqueue, rows, temporal } = await setup({ batch });
      const { serve, counters } = dispatcher();
      await enqueue(type, 50, { lateMs: LATE_MS });
      for (let turn = 0; turn < 3; turn++) await serve(type);
      expect(counters).toMatchObject({ batches: 0, started: SLOTS / 2 });
      const claimed = (await rows(type)).filter((row) => row.claimed);
      expect(claimed.map((row) => row.workflow_id)).toEqual([null, null, null, null]);
      for (const row of claimed) {
        expect(await temporal.client.workflow.getHandle(idOf(row)).describe()).toMatchObject({ type: 'event' });
      }
    }
  });

  test('gives those that left a batch workflows of their own, beside the flood', async () => {
    const { pool, dispatcher, enqueue, rows, temporal } = await setup();
    const { serve, slots, counters } = dispatcher();
    await enqueue(many, 200, { lateMs: LATE_MS });
    const left = await enqueue(many, 2, { lateMs: LATE_MS });
    await pool.query('update tem.event set lane = 1 where id = any($1)', [left]);
    await serve(many);
    expect(counters).toMatchObject({ batches: 1, batchMembers: 20 });
    expect(slots.inFlight()).toBe(3);
    for (const row of (await rows(many)).filter(({ id }) => left.includes(id))) {
      expect(row).toMatchObject({ claimed: true, workflow_id: null });
      expect(await temporal.client.workflow.getHandle(idOf(row)).describe()).toMatchObject({ type: 'event' });
    }
  });

  test('gives the last free slot to the flood every other time, when those that left a batch are many', async () => {
    const { pool, dispatcher, enqueue, rows } = await createRelayBench([many], { slots: 2 });
    const { serve, slots } = dispatcher();
    await enqueue(many, 40, { lateMs: LATE_MS });
    const left = await enqueue(many, 10, { lateMs: LATE_MS });
    await pool.query('update tem.event set lane = 1 where id = any($1)', [left]);
    const known = new Set<string>();
    for (let turn = 0; turn < 6; turn++) {
      await serve(many);
      for (const row of (await rows(many)).filter(({ claimed, id }) => claimed && !known.has(id))) {
        known.add(row.id);
        slots.release(row.workflow_id ?? idOf(row));
      }
    }
    const ofLane1 = left.filter((id) => known.has(id)).length;
    expect([ofLane1, known.size - ofLane1 > 3]).toEqual([3, true]);
  });

  test('runs one event at a time in quarantine', async () => {
    const { pool, dispatcher, enqueue, rows } = await setup();
    const { serve, slots } = dispatcher();
    const ids = await enqueue(slow, 3, { lateMs: LATE_MS });
    await pool.query('update tem.event set lane = 2 where id = any($1)', [ids]);
    await serve(slow);
    await serve(slow);
    const claimed = (await rows(slow)).filter((row) => row.claimed);
    expect(claimed).toHaveLength(1);
    for (const row of claimed) slots.release(idOf(row));
    await serve(slow);
    expect((await rows(slow)).filter((row) => row.claimed)).toHaveLength(2);
  });

  test('ends an event whose type fails to judge its payload, and takes those behind it', async () => {
    const judging = typeOf('judging', {
      refuse: () => {
        if (judged++ === 0) throw new Error('not today');
        return undefined;
      },
    });
    let judged = 0;
    const { dispatcher, enqueue, rows } = await createRelayBench([judging], { slots: SLOTS });
    await enqueue(judging, 3);
    await dispatcher().serve(judging);
    const states = (await rows()).map(({ state, claimed, last_error }) => [state, claimed, last_error]);
    expect(states.sort()).toEqual([
      ['EXTINCT', false, "payload refused: the payload can't be checked: refuse failed: not today"],
      ['QUEUED', true, null],
      ['QUEUED', true, null],
    ]);
  });
});

/** Lets claimed events have been due for so long: on the clock, a busy machine would make them later than a test wants. */
function claimAs(pool: Pool, lateMs: number): void {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<{ rows: { lateMs: number }[] }>;
  Object.assign(pool, {
    async query(...args: unknown[]) {
      const answer = await query(...args);
      if ((args[0] as { name?: string }).name !== 'claim') return answer;
      return { ...answer, rows: answer.rows.map((row) => ({ ...row, lateMs })) };
    },
  });
}

function idOf({ type, key }: BenchRow): string {
  return eventWorkflowId(type, key, false);
}

test('an event whose workflow id a run of another ledger has waits a minute, and holds up nothing else', async () => {
  const { dispatcher, enqueue, pool, lines, client, taskQueue } = await setup();
  const [id] = await enqueue(slow, 1);
  const { rows: found } = await pool.query<BenchRow>('select * from tem.event');
  const workflowId = eventWorkflowId('slow', found[0]?.key ?? '', false);
  await client.workflow.start('event', { workflowId, taskQueue, args: [], memo: { ledger: 'another' } });
  const { serve, slots, pauseMs } = dispatcher();
  expect(await serve(slow)).toBe(1);
  // unclaim follows the failed start.
  await waitFor(async () => (await pool.query('select from tem.event where due_at is not null')).rowCount === 1);
  const { rows } = await pool.query(
    `select state, due_at > clock_timestamp() + interval '30 s' as later from tem.event where id = $1`,
    [id],
  );
  expect(rows).toEqual([{ state: 'QUEUED', later: true }]);
  expect(pauseMs()).toBe(0);
  expect(slots.inFlight()).toBe(0);
  expect(lines.filter(({ msg }) => msg === 'start failed, trying again')).toHaveLength(1);
});
