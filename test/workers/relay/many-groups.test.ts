// Many groups: what a look reads doesn't grow with them, each has its turn within so many looks as it takes to see them
// all, and none of them hides what comes first.

import { expect, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { createLanes, type KnownLane } from '../../../src/workers/relay/lanes.ts';
import { createDatabase } from '../../support/database.ts';
import { entriesReadBy, workerSession } from '../../support/reads.ts';
import { waitFor } from '../../support/wait.ts';

const WORKER = '00000000-0000-4000-8000-00000000000a';
const GROUPS = 3_000;
/** Groups of a priority that a look takes in. */
const WINDOW = 500;

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const session = workerSession(databaseUrl);
  const lanes = createLanes(session, new Set(['note']), { isBrief: () => true });
  return {
    pool,
    lanes,
    async look(): Promise<number> {
      await waitFor(() => lanes.restLeftMs() === 0);
      const { read } = await entriesReadBy(session, 'event_claim', () => lanes.refresh(true));
      return read;
    },
    due: (): KnownLane[] => lanes.due('note', 0),
    /** One event from each of these lanes; resolves to their groups. */
    async take(from: KnownLane[]): Promise<string[]> {
      const rows = await claim(session, { workerId: WORKER, lanes: from, take: 1, workflowId: 'x' });
      lanes.claimed(from, 1, rows);
      return rows.map(({ group }) => group);
    },
    enqueue: (groups: number, each: number, further: { priority?: number; prefix?: string; runAt?: Date } = {}) =>
      pool.query(
        `select tem.enqueue('note', '{}', "group" => $3 || lpad(g::text, 6, '0'), priority => $4, run_at => $5)
         from generate_series(1, $1::int) g, generate_series(1, $2::int)`,
        [groups, each, further.prefix ?? 'g', further.priority ?? 3, further.runAt ?? null],
      ),
  };
}

test('a look reads about as many entries as it takes in groups, and all of them have had a turn after a few', async () => {
  const { enqueue, look, due, take, lanes } = await setup();
  await enqueue(GROUPS, 2);
  const served = new Map<string, number>();
  for (let looks = 0; looks < GROUPS / WINDOW; looks++) {
    expect(await look()).toBeLessThan(3 * WINDOW);
    expect(due()).toHaveLength(WINDOW);
    for (const group of await take(due())) served.set(group, (served.get(group) ?? 0) + 1);
  }
  expect(served.size).toBe(GROUPS);
  expect(Math.max(...served.values())).toBe(1);
  // And the next ones begin anew.
  await look();
  await look();
  expect(due()[0]).toMatchObject({ group: expect.stringMatching(/^g/) });
  expect(lanes.dueTypes()).toEqual(['note']);
});

test('what had no turn yet is not left behind', async () => {
  const { enqueue, look, due, take } = await setup();
  await enqueue(GROUPS, 3);
  const last = 'g000500';
  for (let looks = 0; looks < 5; looks++) {
    await look();
    await take(
      due()
        .filter(({ group }) => group !== last)
        .slice(0, WINDOW / 2),
    );
  }
  await look();
  expect(due().map(({ group }) => group)).toContain(last);
});

test('an event of a higher priority is found by the next look, however many groups wait and wherever its own stands', async () => {
  const { enqueue, look, due, take } = await setup();
  await enqueue(GROUPS, 2);
  for (let looks = 0; looks < 3; looks++) {
    await look();
    await take(due());
  }
  await enqueue(1, 1, { priority: 1, prefix: 'z' });
  await enqueue(1, 1, { priority: 5, prefix: 'a' });
  await look();
  expect(due()[0]).toMatchObject({ priority: 1, group: 'z000001' });
  expect(due().at(-1)).toMatchObject({ priority: 5, group: 'a000001' });
});

test('what is due is found behind any number of groups that are not', async () => {
  const { enqueue, look, due, lanes } = await setup();
  await enqueue(GROUPS, 1, { runAt: new Date(Date.now() + 3_600_000) });
  await enqueue(1, 1, { prefix: 'z' });
  let looks = 0;
  for (; due().length === 0; looks++) {
    if (looks > 0) expect(lanes.goesOn()).toBe(true);
    await look();
  }
  expect(due()).toMatchObject([{ group: 'z000001' }]);
  expect(looks).toBe(GROUPS / WINDOW + 1);
});
