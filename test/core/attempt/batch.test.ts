// Members of a batch against the ledger itself: what somebody else has taken is left alone, and no run of a batch goes
// beside another one.

import { describe, expect, onTestFinished, test } from 'vitest';
import { runBatch } from '../../../src/core/attempt/batch.ts';
import { cancelEvent } from '../../../src/core/ledger/cancel.ts';
import { cancelsAmong } from '../../../src/core/ledger/leases.ts';
import { waitFor } from '../../support/wait.ts';
import { gate, insertEffect, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

/** A bench whose `handleAll` waits until it is let go on; `usesTx` says whether it writes. */
async function setup(usesTx: boolean, second: unknown = {}) {
  const started = gate();
  const { opened, open } = gate();
  const alone: string[] = [];
  let together = 0;
  const bench = await createBench([
    typeOf(
      async (event, { tx, signal }) => {
        alone.push(event.id);
        if (event.payload === 'waits') await new Promise((_, reject) => signal.addEventListener('abort', reject));
        if (usesTx) await insertEffect(tx, event.id);
      },
      {
        batch: 10,
        async handleAll(events, { tx, signal }) {
          together += 1;
          started.open();
          await Promise.race([opened, new Promise((resolve) => signal.addEventListener('abort', resolve))]);
          signal.throwIfAborted();
          if (usesTx) for (const event of events) await insertEffect(tx, event.id);
        },
      },
    ),
  ]);
  const ids = [await bench.accept(), await bench.accept(second), await bench.accept()] as const;
  const members = ids.map((id) => ({ id, generation: 0, attempt: 1 }));
  const run = () => runBatch(bench.dependencies, 'probe', members);
  /** Another worker takes these over and brings them to their end. */
  const takeOver = async (...taken: string[]) => {
    const other = await bench.anotherWorker();
    await bench.lapse();
    await bench.pool.query('update tem.event set generation = generation + 1 where id = any($1::uuid[])', [taken]);
    for (const id of taken) expect(await bench.attempt(id, { worker: other })).toEqual({ outcome: 'processed' });
    alone.length = 0;
  };
  return { ...bench, ids, run, started: started.opened, open, alone, together: () => together, takeOver };
}

test.each([true, false])(
  'a member that another run has ended meanwhile is not handled again (transaction: %s)',
  async (usesTx) => {
    const { ids, run, started, open, alone, takeOver, row, pool } = await setup(usesTx);
    const batch = run();
    await started;
    await takeOver(ids[0]);
    open();
    const counts = await batch;
    expect(alone).not.toContain(ids[0]);
    // Without a transaction each mark stands for itself, and nothing is done twice.
    expect([...alone].sort()).toEqual(usesTx ? [ids[1], ids[2]].sort() : []);
    if (usesTx) expect(counts).toEqual({ stale: 1, processed: 2 });
    for (const id of ids) expect(await row(id)).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
    const { rows } = await pool.query(
      `select count(*)::int as count from tem.transition where to_state = 'PROCESSED' and event_id = any($1::uuid[])`,
      [ids],
    );
    expect(rows[0].count).toBe(3);
  },
);

test('of a set that another run has ended altogether nothing is handled again', async () => {
  const { ids, run, started, open, alone, takeOver } = await setup(false);
  const batch = run();
  await started;
  await takeOver(...ids);
  open();
  expect(await batch).toEqual({ stale: 3 });
  expect(alone).toEqual([]);
});

test('a second run of a batch in one process joins the first', async () => {
  const { run, started, open, together, alone, accept } = await setup(false);
  const first = run();
  await started;
  const second = run();
  // Whatever it has asked the ledger has been answered when this has.
  await accept();
  open();
  expect(await Promise.all([first, second])).toEqual([{ processed: 3 }, { processed: 3 }]);
  expect([together(), alone]).toEqual([1, []]);
});

test('the cancel of one member takes the set apart, and ends that member only', async () => {
  const { ids, run, started, dependencies, pool, row, alone } = await setup(true, 'waits');
  const batch = run();
  await started;
  expect(await cancelEvent(pool, ids[1], 'test')).toMatchObject({ outcome: 'done' });
  // As the worker asks every second.
  const hearCancels = async () => {
    for (const id of await cancelsAmong(pool, [...ids])) dependencies.running.abort(id, 'cancel');
  };
  await hearCancels();
  await waitFor(async () => alone.length === 3);
  await hearCancels();
  expect(await batch).toEqual({ processed: 2, cancelled: 1 });
  expect([...alone].sort()).toEqual([...ids].sort());
  expect(await row(ids[1])).toMatchObject({ state: 'CANCELLED' });
});

describe('members that are handled one by one', () => {
  const MEMBERS = 40;

  async function membersOf(handle: Parameters<typeof typeOf>[0]) {
    const bench = await createBench([typeOf(handle, { batch: MEMBERS })]);
    const ids = await Promise.all(Array.from({ length: MEMBERS }, () => bench.accept()));
    const members = ids.map((id) => ({ id, generation: 0, attempt: 1 }));
    return { ...bench, ids, run: () => runBatch(bench.dependencies, 'probe', members) };
  }

  test('begin a few in each turn of the event loop, so that others are served in between', async () => {
    let turn = 0;
    const turns = new Map<number, number>();
    const { run } = await membersOf(async () => {
      turns.set(turn, (turns.get(turn) ?? 0) + 1);
    });
    let counting: NodeJS.Immediate;
    const count = (): void => {
      turn += 1;
      counting = setImmediate(count);
    };
    count();
    onTestFinished(() => clearImmediate(counting));
    expect(await run()).toEqual({ processed: MEMBERS });
    expect(Math.max(...turns.values())).toBeLessThanOrEqual(MEMBERS / 4);
  });

  test('are not handled when they are cancelled before their turn', async () => {
    const handled: string[] = [];
    const { run, ids, dependencies, row } = await membersOf(async ({ id }) => {
      if (handled.length === 0) dependencies.running.abort(ids.at(-1) as string, 'cancel');
      handled.push(id);
    });
    expect(await run()).toEqual({ processed: MEMBERS - 1, cancelled: 1 });
    expect(handled).toEqual(ids.slice(0, -1));
    expect(await row(ids.at(-1) as string)).toMatchObject({ state: 'CANCELLED' });
  });
});
