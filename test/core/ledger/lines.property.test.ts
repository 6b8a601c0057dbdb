// Whatever is added, ended, cancelled and rolled back side by side: of each value one event has its turn at a time, in the
// order of the commits, and none is left behind.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cancelEvent } from '../../../src/core/ledger/cancel.ts';
import { giveTurnsOn } from '../../../src/core/ledger/lines.ts';
import { createLinesBench } from './lines-bench.ts';

const { pool, reset, register, enqueue, open, attempt } = await createLinesBench();
const SESSIONS = 3;

interface Addition {
  /** In one order, as the docs say. */
  values: string[];
  how: 'commit' | 'rollback' | 'savepoint';
  /** Of those whose turn comes while it is open, how one ends. */
  end: 'processed' | 'extinct' | 'cancelled';
}

interface Added {
  id: string;
  value: string;
  /** When its commit was sent, and when it had been answered; performance.now. */
  sentMs: number;
  committedMs: number;
}

const additions: fc.Arbitrary<Addition[]> = fc.array(
  fc.record<Addition>({
    values: fc
      .uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
      .map((values) => values.sort()),
    how: fc.constantFrom('commit', 'commit', 'commit', 'savepoint', 'rollback'),
    end: fc.constantFrom('processed', 'processed', 'extinct', 'cancelled'),
  }),
  { minLength: 1, maxLength: 8 },
);

const inTurn = async (): Promise<{ id: string; value: string }[]> => {
  const { rows } = await pool.query(
    `select id, payload ->> 'account' as value from tem.event where state not in ('PROCESSED', 'EXTINCT', 'CANCELLED')
     and num_nonnulls(due_at, due_by) = 1`,
  );
  return rows;
};

/** Ends one whose turn it is; resolves to whether there was one. */
async function endOne(end: Addition['end'], ran: Map<string, string>): Promise<boolean> {
  const turns = await inTurn();
  expect(new Set(turns.map(({ value }) => value)).size, 'turns at once').toBe(turns.length);
  const next = turns[Math.floor(Math.random() * turns.length)];
  if (!next) return false;
  ran.set(next.id, next.value);
  if (end === 'cancelled') await cancelEvent(pool, next.id, 'test');
  else await attempt(next.id, end);
  await giveTurnsOn(pool);
  return true;
}

async function addAll(
  client: Awaited<ReturnType<typeof open>>,
  script: Addition[],
  ran: Map<string, string>,
): Promise<Added[]> {
  const all: Added[] = [];
  for (const { values, how, end } of script) {
    await client.query('begin');
    if (how === 'savepoint') await client.query('savepoint before');
    let added: Omit<Added, 'sentMs' | 'committedMs'>[] = [];
    for (const value of values) added.push({ id: await enqueue(client, value), value });
    if (how === 'savepoint') {
      await client.query('rollback to savepoint before');
      added = [{ id: await enqueue(client, values[0]), value: values[0] as string }];
    }
    await ends.take(() => endOne(end, ran));
    const sentMs = performance.now();
    await client.query(how === 'rollback' ? 'rollback' : 'commit');
    const committedMs = performance.now();
    if (how !== 'rollback') all.push(...added.map((each) => ({ ...each, sentMs, committedMs })));
  }
  return all;
}

/** One end at a time, so that the order in which they ran is known. */
const ends = (() => {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take<Result>(work: () => Promise<Result>): Promise<Result> {
      const done = last.then(work);
      last = done.catch(() => {});
      return done;
    },
  };
})();

test('one at a time, in the order of the commits, and none is left behind', async () => {
  await register('release');
  const clients = await Promise.all(Array.from({ length: SESSIONS }, () => open()));
  await Promise.all(clients.map((client) => client.query('commit')));
  await fc.assert(
    fc.asyncProperty(fc.array(additions, { minLength: SESSIONS, maxLength: SESSIONS }), async (scripts) => {
      await reset();
      const ran = new Map<string, string>();
      const added = (
        await Promise.all(scripts.map((script, index) => addAll(clients[index] as (typeof clients)[0], script, ran)))
      ).flat();
      await giveTurnsOn(pool);
      while (await endOne('processed', ran));
      expect([...ran.keys()].sort()).toEqual(added.map(({ id }) => id).sort());
      const places = new Map([...ran.keys()].map((id, place) => [id, place]));
      for (const one of added)
        for (const other of added) {
          if (one.value !== other.value || one.committedMs > other.sentMs) continue;
          expect(places.get(one.id), 'who committed first').toBeLessThan(places.get(other.id) as number);
        }
      expect((await pool.query('select from tem.line union all select from tem.line_left')).rowCount).toBe(0);
    }),
    { numRuns: 15 },
  );
}, 120_000);
