// The order in which a type's due events are taken: first priority first, in turns between the groups of a priority.

import { describe, expect, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { createLanes, type Lanes } from '../../../src/workers/relay/lanes.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const WORKER = '00000000-0000-4000-8000-00000000000a';

/** Looks at the queue as soon as it may. */
async function ask(lanes: Lanes): Promise<void> {
  await waitFor(() => lanes.restLeftMs() === 0);
  await lanes.refresh(true);
}

async function setup() {
  const { pool } = await createDatabase();
  return {
    pool,
    /** Lanes of these types that know what is due now. */
    async lanesOf(...types: string[]) {
      const lanes = createLanes(pool, new Set(types));
      await ask(lanes);
      return lanes;
    },
    /** Claims one event of the lane whose turn it is, as a relay with one free slot; resolves to its group. */
    async serve(lanes: Lanes): Promise<string | undefined> {
      // A relay looks more often than it takes.
      for (let look = 0; look < 2; look++) lanes.due('note', 0);
      const chosen = lanes.due('note', 0).slice(0, 1);
      const rows = await claim(pool, { workerId: WORKER, lanes: chosen, take: 1, workflowId: undefined });
      lanes.claimed(chosen, 1, rows);
      return rows[0]?.group;
    },
    enqueue: (group: string, count: number, further: { type?: string; priority?: number; inMs?: number } = {}) =>
      pool.query(
        `select tem.enqueue($1, '{}', priority => $2, "group" => $3, run_at => clock_timestamp() + $4 * interval '1 ms')
         from generate_series(1, $5)`,
        [further.type ?? 'note', further.priority ?? 3, group, further.inMs ?? 0, count],
      ),
  };
}

describe('the lanes of a type', () => {
  test('come by priority, whatever their groups', async () => {
    const { enqueue, lanesOf } = await setup();
    for (const [group, priority] of [
      ['a', 5],
      ['b', 1],
      ['c', 3],
      ['d', 1],
    ] as const)
      await enqueue(group, 1, { priority });
    const due = (await lanesOf('note')).due('note', 0);
    expect(due.map(({ priority }) => priority)).toEqual([1, 1, 3, 5]);
    expect(
      due
        .slice(0, 2)
        .map(({ group }) => group)
        .sort(),
    ).toEqual(['b', 'd']);
  });

  // With a fixed step the same groups came first at each turn, when the step and their number had a divisor in common.
  test.each([2, 3, 4, 5, 6, 7])('give each of %i groups its turn when one slot is free at a time', async (count) => {
    const { enqueue, lanesOf, serve } = await setup();
    const groups = Array.from({ length: count }, (_, index) => `group ${index}`);
    for (const group of groups) await enqueue(group, 10);
    const lanes = await lanesOf('note');
    const served: (string | undefined)[] = [];
    for (let turn = 0; turn < 3 * count; turn++) {
      served.push(await serve(lanes));
      // What it learns of the queue meanwhile doesn't begin the round anew.
      if (turn % 2 === 1) await ask(lanes);
    }
    for (let round = 0; round < 3; round++) {
      expect(served.slice(round * count, (round + 1) * count).sort()).toEqual(groups);
    }
  });

  test('let no groups that empty and fill again and again go before one with a backlog', async () => {
    const { enqueue, lanesOf, serve } = await setup();
    await enqueue('backlog', 10);
    const lanes = await lanesOf('note');
    const served: (string | undefined)[] = [];
    for (let turn = 0; turn < 9; turn++) {
      for (const group of ['a', 'b']) await enqueue(group, 1);
      await ask(lanes);
      served.push(await serve(lanes));
    }
    expect(served.filter((group) => group === 'backlog').length).toBeGreaterThanOrEqual(3);
  });

  test('are forgotten when they are empty, and found again when something comes', async () => {
    const { pool, enqueue, lanesOf } = await setup();
    await enqueue('a', 1);
    const lanes = await lanesOf('note');
    const due = lanes.due('note', 0);
    lanes.claimed(due, 2, await claim(pool, { workerId: WORKER, lanes: due, take: 2, workflowId: undefined }));
    expect(lanes.dueTypes()).toEqual([]);
    await enqueue('a', 1);
    await ask(lanes);
    expect(lanes.dueTypes()).toEqual(['note']);
  });

  test('know when the next one is due, and nothing of types that are not asked for', async () => {
    const { enqueue, lanesOf } = await setup();
    await enqueue('a', 1, { inMs: 60_000 });
    await enqueue('a', 1, { type: 'other' });
    const lanes = await lanesOf('note');
    expect(lanes.dueTypes()).toEqual([]);
    expect(lanes.nextDueInMs()).toBeGreaterThan(50_000);
    expect(lanes.nextDueInMs()).toBeLessThanOrEqual(60_000);
  });
});
