// The end of an event: compensation and the last mark in one transaction, tried again under its own policy.

import { expect, test } from 'vitest';
import { cancelEvent, cancelFromRun } from '../../../src/core/ledger/cancel.ts';
import { cancelsAmong } from '../../../src/core/ledger/leases.ts';
import { retryEvent } from '../../../src/core/ledger/retry.ts';
import { Type } from '../../../src/index.ts';
import { waitFor } from '../../support/wait.ts';
import { gate, insertEffect, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const failing = () => {
  throw new Error('never');
};
const ONCE = { maxAttempts: 1 } as const;

test('compensation commits with EXTINCT and is told why', async () => {
  const told: unknown[] = [];
  const { accept, attempt, settle, row, effects } = await createBench([
    typeOf(failing, {
      retry: ONCE,
      async compensate(event, { tx, error }) {
        told.push(error.message, event.attempt);
        await insertEffect(tx, event.id);
      },
    }),
  ]);
  const id = await accept();
  expect(await attempt(id)).toEqual({ outcome: 'settle' });
  expect(await row(id)).toMatchObject({ state: 'FAILED', compensating: true });
  expect(await settle(id)).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({
    state: 'EXTINCT',
    compensating: false,
    compensation_error: null,
    last_error: 'never',
  });
  expect(told[0]).toBe('never');
  expect(await effects(id)).toBe(1);
  expect(await settle(id)).toEqual({ outcome: 'ended', state: 'EXTINCT' });
  expect(await effects(id)).toBe(1);
});

test('compensation that fails is rolled back, visible while it waits, and recorded when it gives up', async () => {
  const { accept, attempt, settle, row, effects } = await createBench([
    typeOf(failing, {
      retry: ONCE,
      compensationRetry: { maxAttempts: 2, base: '1s', jitter: 0 },
      async compensate(event, { tx }) {
        await insertEffect(tx, event.id);
        throw new Error('can not be undone');
      },
    }),
  ]);
  const id = await accept();
  await attempt(id);
  expect(await settle(id)).toEqual({ outcome: 'again', delayMs: 1_000, error: 'can not be undone' });
  expect(await row(id)).toMatchObject({ state: 'FAILED', compensating: true, compensation_error: 'can not be undone' });
  expect(await settle(id)).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({
    state: 'EXTINCT',
    compensation_error: 'can not be undone',
    last_error: 'never',
  });
  expect(await effects(id)).toBe(0);
});

test('compensation that never comes back is given up at its limit', async () => {
  const { accept, attempt, settle, row } = await createBench([
    typeOf(failing, {
      retry: ONCE,
      timeout: '100ms',
      compensationRetry: ONCE,
      compensate: () => new Promise(() => {}),
    }),
  ]);
  const id = await accept();
  await attempt(id);
  expect(await settle(id)).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', compensation_error: expect.stringContaining('timed out') });
});

test('an event with attempts left is not settled', async () => {
  const { accept, attempt, settle, row } = await createBench([typeOf(failing)]);
  const id = await accept();
  await attempt(id);
  expect(await settle(id)).toEqual({ outcome: 'alive' });
  expect(await row(id)).toMatchObject({ state: 'FAILED', compensating: false });
});

test('a connection that breaks under a compensation is given back, and uses up none of its tries', async () => {
  let breaks = 7;
  const { accept, attempt, settle, row, dependencies, pool } = await createBench([
    typeOf(failing, {
      retry: ONCE,
      compensationRetry: { maxAttempts: 2, base: '1s', jitter: 0 },
      async compensate(event, { tx }) {
        const { rows } = await tx.query('select pg_backend_pid() as pid');
        if (breaks-- > 0) {
          await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
          await tx.query('select pg_sleep(60)');
        }
        await insertEffect(tx, event.id);
      },
    }),
  ]);
  const id = await accept();
  await attempt(id);
  // More than the pool has connections.
  for (let broken = 0; broken < 7; broken++)
    await expect(settle(id)).rejects.toMatchObject({ name: 'LedgerUnavailable' });
  expect(await settle(id)).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', compensation_error: null });
  expect(dependencies.handlersPool.idleCount).toBe(dependencies.handlersPool.totalCount);
});

test('the compensation of a cancelled event hears no cancel of its own', async () => {
  let heard = false;
  const { opened, open } = gate();
  const { accept, attempt, settle, row, pool, dependencies } = await createBench([
    typeOf(failing, {
      async compensate(_event, { signal }) {
        await opened;
        heard = signal.aborted;
      },
    }),
  ]);
  const id = await accept();
  await attempt(id);
  expect(await cancelEvent(pool, id, 'test')).toMatchObject({ outcome: 'done' });
  const settling = settle(id);
  await waitFor(
    async () => (await pool.query('select from tem.event where id = $1 and locked_at is not null', [id])).rowCount,
  );
  for (const name of dependencies.running.ids()) expect(name).not.toBe(id);
  dependencies.running.abort(id, 'cancel');
  expect(await cancelsAmong(pool, [id])).toEqual([]);
  const { generation } = await row(id);
  expect(await cancelEvent(pool, id, 'test again')).toMatchObject({ outcome: 'done' });
  expect((await row(id)).generation).toBe(generation);
  open();
  expect(await settling).toEqual({ outcome: 'cancelled' });
  expect(heard).toBe(false);
  expect(await row(id)).toMatchObject({ state: 'CANCELLED', compensation_error: null });
});

test('a compensation whose payload the code takes no more is tried again, and the reason kept', async () => {
  let calls = 0;
  const { accept, attempt, settle, row, pool } = await createBench([
    typeOf(failing, {
      payload: Type.Object({ amount: Type.Number() }),
      retry: ONCE,
      compensationRetry: { maxAttempts: 2, base: '1s', jitter: 0 },
      compensate() {
        calls += 1;
      },
    }),
  ]);
  const store = (id: string, payload: unknown) =>
    pool.query('update tem.event set payload = $2 where id = $1', [id, JSON.stringify(payload)]);
  const [given, taken] = [await accept({ amount: 1 }), await accept({ amount: 2 })];
  const error = expect.stringMatching(/^payload refused: .*amount/);
  for (const id of [given, taken]) {
    await attempt(id);
    await store(id, {});
    expect(await settle(id)).toEqual({ outcome: 'again', delayMs: 1_000, error });
    expect(await row(id)).toMatchObject({ state: 'FAILED', compensating: true, compensation_error: error });
  }
  expect(await settle(given)).toEqual({ outcome: 'extinct' });
  expect(await row(given)).toMatchObject({ state: 'EXTINCT', compensation_error: error, last_error: 'never' });
  expect(calls).toBe(0);
  // The release that takes it again.
  await store(taken, { amount: 2 });
  expect(await settle(taken)).toEqual({ outcome: 'extinct' });
  expect(await row(taken)).toMatchObject({ state: 'EXTINCT', compensation_error: null });
  expect(calls).toBe(1);
  // Revived, the one that could not be compensated still has to be; the other begins anew.
  for (const id of [given, taken]) {
    expect(await retryEvent(pool, id, 'a person')).toMatchObject({ outcome: 'done' });
    await cancelEvent(pool, id, 'a person');
  }
  expect(await row(given)).toMatchObject({ state: 'FAILED', compensating: true });
  expect(await row(taken)).toMatchObject({ state: 'CANCELLED' });
});

test('a payload that no handler ever took leaves nothing to compensate', async () => {
  let calls = 0;
  const { accept, attempt, row, history } = await createBench([
    typeOf(() => {}, {
      payload: Type.Object({ amount: Type.Number() }),
      compensate() {
        calls += 1;
      },
    }),
  ]);
  const id = await accept({});
  expect(await attempt(id)).toEqual({ outcome: 'extinct' });
  expect(await row(id)).toMatchObject({ state: 'EXTINCT', compensating: false, compensation_error: null });
  expect(await history(id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> EXTINCT']);
  expect(calls).toBe(0);
});

test.each(['a person', 'Temporal'])('what was handed back is FAILED while its cancel by %s compensates', async (by) => {
  const { opened: started, open: start } = gate();
  const { opened: undone, open: undo } = gate();
  const { accept, attempt, settle, row, history, pool, dependencies, anotherWorker } = await createBench([
    typeOf(
      () => {
        start();
        return new Promise(() => {});
      },
      { compensate: () => undone },
    ),
  ]);
  const id = await accept();
  const running = attempt(id);
  await started;
  dependencies.running.abortAll('shutdown');
  expect(await running).toEqual({ outcome: 'released' });
  expect(await row(id)).toMatchObject({ state: 'QUEUED' });
  if (by === 'Temporal') await cancelFromRun(pool, id, (await row(id)).generation);
  else expect(await cancelEvent(pool, id, by)).toEqual({ outcome: 'done', state: 'FAILED', from: 'QUEUED' });
  const settling = settle(id, await anotherWorker());
  await waitFor(async () => {
    const { state, compensating, queued } = await row(id);
    return state === 'FAILED' && compensating && !queued;
  });
  undo();
  expect(await settling).toEqual({ outcome: 'cancelled' });
  expect(await history(id)).toEqual([
    'QUEUED -> PROCESSING',
    'PROCESSING -> QUEUED',
    'QUEUED -> FAILED',
    'FAILED -> CANCELLED',
  ]);
});
