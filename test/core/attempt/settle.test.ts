// The end of an event: compensation and the last mark in one transaction, tried again under its own policy.

import { expect, test } from 'vitest';
import { createBench, insertEffect, typeOf } from './bench.ts';

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
  expect(await settle(id, 1)).toEqual({ outcome: 'again', delayMs: 1_000, error: 'can not be undone' });
  expect(await row(id)).toMatchObject({ state: 'FAILED', compensating: true, compensation_error: 'can not be undone' });
  expect(await settle(id, 2)).toEqual({ outcome: 'extinct' });
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
