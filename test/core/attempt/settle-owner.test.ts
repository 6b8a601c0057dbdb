// A compensation has one owner, as an attempt has: it is left to the worker that has it, handed back by one that stops,
// and counted and kept apart when it kills.

import { expect, test } from 'vitest';
import { COMPENSATION_POISON_ERROR } from '../../../src/core/attempt/settle.ts';
import { freeDeadWorkers } from '../../../src/core/ledger/free.ts';
import { waitFor } from '../../support/wait.ts';
import { gate, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const failing = () => {
  throw new Error('never');
};
const ONCE = { maxAttempts: 1 } as const;
/** What a worker that is gone was at: it may notice when the ledger of this file is gone too. */
const abandon = (settling: Promise<unknown>): void => void settling.catch(() => {});

test('a compensation that kills its worker again and again is given up, and says so', async () => {
  const { accept, attempt, settle, lapse, anotherWorker, row, pool } = await createBench([
    typeOf(failing, { retry: ONCE, compensate: () => new Promise(() => {}), timeout: '1h' }),
  ]);
  const id = await accept();
  await attempt(id);
  abandon(settle(id));
  for (let crash = 1; crash <= 5; crash++) {
    await waitFor(async () => (await pool.query('select from tem.event where locked_at is not null')).rowCount);
    await lapse();
    await pool.query('update tem.worker set lease_until = clock_timestamp()');
    await freeDeadWorkers(pool);
    const worker = await anotherWorker();
    if (crash < 5) abandon(settle(id, worker));
    else expect(await settle(id, worker)).toEqual({ outcome: 'extinct' });
    if (crash < 5) await waitFor(async () => (await row(id)).crash_count === crash);
  }
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', compensation_error: COMPENSATION_POISON_ERROR });
});

test('a compensation that another worker is at is left to it', async () => {
  const { opened, open } = gate();
  const { accept, attempt, settle, anotherWorker, row, pool } = await createBench([
    typeOf(failing, { retry: ONCE, compensate: () => opened }),
  ]);
  const id = await accept();
  await attempt(id);
  const first = settle(id);
  await waitFor(
    async () => (await pool.query('select from tem.event where id = $1 and locked_at is not null', [id])).rowCount,
  );
  await expect(settle(id, await anotherWorker())).rejects.toMatchObject({ name: 'HeldElsewhere' });
  open();
  expect(await first).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', compensation_error: null });
});

test('a compensation that a stopping worker hands back uses up no try, and waits for another worker', async () => {
  const { opened: started, open: start } = gate();
  let calls = 0;
  const { accept, attempt, settle, anotherWorker, row, pool, dependencies } = await createBench([
    typeOf(failing, {
      retry: ONCE,
      compensationRetry: ONCE,
      compensate() {
        calls += 1;
        start();
        return calls === 1 ? new Promise(() => {}) : undefined;
      },
    }),
  ]);
  const id = await accept();
  await attempt(id);
  const { generation } = await row(id);
  const settling = settle(id);
  await started;
  dependencies.running.abortAll('shutdown');
  expect(await settling).toEqual({ outcome: 'stale' });
  expect(await row(id)).toMatchObject({
    state: 'FAILED',
    compensating: true,
    compensation_error: null,
    queued: true,
    generation: generation + 1,
  });
  await pool.query('update tem.worker set lease_until = clock_timestamp() where id = $1', [dependencies.workerId]);
  expect(await settle(id, await anotherWorker())).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', compensation_error: null, crash_count: 0 });
});

test('a compensation in quarantine leaves its run when it fails, because each try needs its place there', async () => {
  const { accept, attempt, settle, row, pool } = await createBench([
    typeOf(failing, { retry: ONCE, compensationRetry: { maxAttempts: 2, base: '1s', jitter: 0 }, compensate: failing }),
  ]);
  const id = await accept();
  await attempt(id);
  await pool.query('update tem.event set lane = 2 where id = $1', [id]);
  const { generation } = await row(id);
  expect(await settle(id)).toEqual({ outcome: 'stale' });
  expect(await row(id)).toMatchObject({ queued: true, compensation_error: 'never', generation: generation + 1 });
  expect(await settle(id)).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', compensation_error: 'never' });
});

test('a compensation whose worker is gone goes back to the queue, so that it runs without neighbours', async () => {
  const { opened: started, open: start } = gate();
  let calls = 0;
  const { accept, attempt, settle, anotherWorker, row, pool, dependencies } = await createBench([
    typeOf(failing, {
      retry: ONCE,
      compensate() {
        calls += 1;
        start();
        return calls === 1 ? new Promise(() => {}) : undefined;
      },
    }),
  ]);
  const id = await accept();
  await attempt(id);
  abandon(settle(id));
  await started;
  await pool.query('update tem.worker set lease_until = clock_timestamp() where id = $1', [dependencies.workerId]);
  const other = await anotherWorker();
  expect(await settle(id, other)).toEqual({ outcome: 'stale' });
  expect(await row(id)).toMatchObject({ queued: true, lane: 1, crash_count: 0, compensating: true });
  expect(calls).toBe(1);
  expect(await settle(id, other)).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', crash_count: 1, compensation_error: null });
});

test('a second run of a compensation in one process joins the first', async () => {
  let calls = 0;
  const { opened, open } = gate();
  const { accept, attempt, settle } = await createBench([
    typeOf(failing, {
      retry: ONCE,
      async compensate() {
        calls += 1;
        await opened;
      },
    }),
  ]);
  const id = await accept();
  await attempt(id);
  const first = settle(id);
  await waitFor(async () => calls === 1);
  const second = settle(id);
  // Whatever it has asked the ledger has been answered when this has.
  await accept();
  open();
  expect(await Promise.all([first, second])).toEqual([{ outcome: 'extinct' }, { outcome: 'extinct' }]);
  expect(calls).toBe(1);
});
