// An attempt has one owner: repeated, stale and late attempts change nothing and never run a handler beside another.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { runBatch } from '../../../src/core/attempt/batch.ts';
import { createAttemptDependencies } from '../../../src/core/attempt/dependencies.ts';
import { free } from '../../../src/core/ledger/free.ts';
import { marks } from '../../../src/core/ledger/mark.ts';
import { waitFor } from '../../support/wait.ts';
import { gate, insertEffect, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

describe('begin', () => {
  test('does not run the handler of an event that has ended', async () => {
    let calls = 0;
    const { accept, attempt } = await createBench([typeOf(() => void calls++)]);
    const id = await accept();
    expect(await attempt(id, { generation: 0 })).toEqual({ outcome: 'processed' });
    expect(await attempt(id, { generation: 0 })).toEqual({ outcome: 'ended', state: 'PROCESSED' });
    expect(calls).toBe(1);
  });

  test('does not run an attempt again that has failed, and says when the next is due', async () => {
    let calls = 0;
    const { accept, attempt, row } = await createBench([
      typeOf(() => {
        calls += 1;
        throw new Error('not today');
      }),
    ]);
    const id = await accept();
    expect(await attempt(id)).toMatchObject({ outcome: 'retry', delayMs: 1_000, attempt: 1, left: false });
    const again = await attempt(id, { attempt: 1 });
    expect(again).toMatchObject({ outcome: 'retry', attempt: 1 });
    expect((again as { delayMs: number }).delayMs).toBeGreaterThan(0);
    expect(calls).toBe(1);
    expect(await row(id)).toMatchObject({ state: 'FAILED', retry_count: 1 });
  });

  test('turns a run of an older generation away', async () => {
    let calls = 0;
    const { accept, attempt, pool } = await createBench([typeOf(() => void calls++)]);
    const id = await accept();
    await pool.query('update tem.event set generation = 3 where id = $1', [id]);
    expect(await attempt(id, { generation: 2 })).toEqual({ outcome: 'stale' });
    expect(calls).toBe(0);
  });

  test('says that an event is not in this ledger', async () => {
    const { attempt } = await createBench([typeOf(() => {})]);
    expect(await attempt(randomUUID())).toEqual({ outcome: 'missing' });
  });

  test('gives two runs of one event that arrive in one statement to one of them', async () => {
    const { accept, dependencies, pool } = await createBench([typeOf(() => {})]);
    const id = await accept();
    await pool.query('update tem.event set generation = 1 where id = $1', [id]);
    const begin = (generation: number) =>
      dependencies.begin({ id, generation, attempt: 1, maxAttempts: 3, dueByMs: 60_000 });
    const answers = await Promise.all([begin(0), begin(1), begin(1)]);
    expect(answers.map(({ disposition }) => disposition)).toEqual(['stale', 'run', 'stale']);
  });

  test('waits for an attempt that is still open in its own process, whose event was given to a newer run', async () => {
    let calls = 0;
    const { opened, open } = gate();
    const { accept, attempt, row, pool, dependencies } = await createBench([
      typeOf(
        async () => {
          calls += 1;
          await opened;
        },
        { batch: 2 },
      ),
    ]);
    const id = await accept();
    const older = attempt(id, { generation: 0, attempt: 1 });
    await waitFor(() => calls === 1);
    await free(pool, [{ id, generation: 0 }]);
    const { generation } = await row(id);
    await expect(attempt(id, { generation, attempt: 1 })).rejects.toMatchObject({ name: 'HeldElsewhere' });
    await pool.query(
      `update tem.event set due_at = null, due_by = clock_timestamp() + interval '1 minute' where id = $1`,
      [id],
    );
    expect(await runBatch(dependencies, 'probe', [{ id, generation, attempt: 1 }])).toEqual({});
    expect(await row(id)).toMatchObject({ state: 'PROCESSING', queued: true, lane: 1 });
    open();
    expect(await older).toEqual({ outcome: 'processed' });
    expect(calls).toBe(1);
    expect(dependencies.running.ids()).toEqual([]);
  });

  test('joins a second run of the same attempt in one process to the first', async () => {
    let calls = 0;
    const { opened, open } = gate();
    const { accept, attempt } = await createBench([
      typeOf(async () => {
        calls += 1;
        await opened;
      }),
    ]);
    const id = await accept();
    const both = [attempt(id, { generation: 0, attempt: 1 }), attempt(id, { generation: 0, attempt: 1 })];
    open();
    expect(await Promise.all(both)).toEqual([{ outcome: 'processed' }, { outcome: 'processed' }]);
    expect(calls).toBe(1);
  });
});

describe('an attempt that reports after a newer one began', () => {
  test('has its work rolled back, and the newer outcome stands', async () => {
    const first = gate();
    const started = gate();
    let calls = 0;
    const { accept, attempt, lapse, anotherWorker, effects, history } = await createBench([
      typeOf(async (event, { tx }) => {
        calls += 1;
        if (calls > 1) return void (await insertEffect(tx, event.id));
        started.open();
        await first.opened;
        await insertEffect(tx, event.id);
      }),
    ]);
    const id = await accept();
    const old = attempt(id);
    await started.opened;
    await lapse();
    expect(await attempt(id, { worker: await anotherWorker() })).toEqual({ outcome: 'processed' });
    first.open();
    expect(await old).toEqual({ outcome: 'stale' });
    expect(await effects(id)).toBe(1);
    expect(await history(id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> PROCESSING', 'PROCESSING -> PROCESSED']);
  });

  test('changes nothing by its failure', async () => {
    const first = gate();
    const started = gate();
    let calls = 0;
    const { accept, attempt, lapse, anotherWorker, row } = await createBench([
      typeOf(async () => {
        calls += 1;
        if (calls > 1) return;
        started.open();
        await first.opened;
        throw new Error('too late to matter');
      }),
    ]);
    const id = await accept();
    const old = attempt(id);
    await started.opened;
    await lapse();
    await attempt(id, { worker: await anotherWorker() });
    first.open();
    expect(await old).toEqual({ outcome: 'stale' });
    expect(await row(id)).toMatchObject({ state: 'PROCESSED', retry_count: 0, last_error: null });
  });
});

describe('an attempt that Temporal gives to another worker', () => {
  async function setup() {
    const { opened, open } = gate();
    const started = gate();
    const bench = await createBench([
      typeOf(async (event, { tx }) => {
        started.open();
        await opened;
        await insertEffect(tx, event.id);
      }),
    ]);
    const id = await bench.accept();
    const first = bench.attempt(id);
    await started.opened;
    return { ...bench, id, first, open, worker: await bench.anotherWorker() };
  }

  test('is left to the worker that has it while that one lives', async () => {
    const { attempt, id, first, open, worker, effects, row } = await setup();
    await expect(attempt(id, { worker })).rejects.toMatchObject({ name: 'HeldElsewhere' });
    open();
    expect(await first).toEqual({ outcome: 'processed' });
    expect(await attempt(id, { worker })).toEqual({ outcome: 'ended', state: 'PROCESSED' });
    expect(await effects(id)).toBe(1);
    expect(await row(id)).toMatchObject({ crash_count: 0 });
  });

  test('goes back to the queue when that one is gone, so that it runs without neighbours, and is counted once', async () => {
    const { attempt, id, first, open, worker, pool, row, effects } = await setup();
    await pool.query(
      'update tem.worker set lease_until = clock_timestamp() where id = (select worker_id from tem.event where id = $1)',
      [id],
    );
    expect(await attempt(id, { worker })).toEqual({ outcome: 'stale' });
    expect(await row(id)).toMatchObject({ state: 'PROCESSING', queued: true, lane: 1, crash_count: 0 });
    open();
    await first;
    expect(await row(id)).toMatchObject({ state: 'PROCESSED' });
    expect(await effects(id)).toBe(1);
  });

  test('is not taken from anybody while nobody can tell who lives', async () => {
    const { attempt, id, first, open, pool, worker } = await setup();
    await pool.query(
      'update tem.worker set lease_until = clock_timestamp() where id = (select worker_id from tem.event where id = $1)',
      [id],
    );
    const unsure = createAttemptDependencies({ ...worker, mayJudge: () => false });
    await expect(attempt(id, { worker: unsure })).rejects.toMatchObject({ name: 'HeldElsewhere' });
    open();
    expect(await first).toEqual({ outcome: 'processed' });
  });
});

describe('a mark that is sent twice', () => {
  test('counts once, also when compensation follows', async () => {
    const { accept, attempt, dependencies, row } = await createBench([
      typeOf(
        () => {
          throw new Error('never');
        },
        { retry: { maxAttempts: 1 }, compensate: () => {} },
      ),
    ]);
    const id = await accept();
    expect(await attempt(id)).toEqual({ outcome: 'settle' });
    const { epoch } = await row(id);
    expect(await dependencies.mark(marks.settle({ id, epoch, actor: 'test' }, 'never', true, false))).toBe(false);
    expect(await row(id)).toMatchObject({ state: 'FAILED', compensating: true, retry_count: 1 });
  });
});

describe('the number of attempts', () => {
  test('may be lowered by a new release while an event waits: it ends instead of waiting for ever', async () => {
    const { accept, attempt, settle, row, pool } = await createBench([
      typeOf(() => Promise.reject(new Error('never')), { retry: { maxAttempts: 2, base: '1s' } }),
    ]);
    const id = await accept();
    await pool.query(
      `update tem.event set state = 'FAILED', retry_count = 3, max_attempts = 5, begun = true, next_retry_at = now() where id = $1`,
      [id],
    );
    expect(await attempt(id)).toEqual({ outcome: 'settle' });
    expect(await settle(id)).toEqual({ outcome: 'extinct' });
    expect(await row(id)).toMatchObject({ state: 'EXTINCT' });
  });
});
