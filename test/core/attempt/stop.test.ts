// Handlers that are told to stop: by their limit, by a cancel, by a worker that ends.

import { describe, expect, test } from 'vitest';
import { gate, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

describe('a handler that is told to stop', () => {
  test('gets its signal at its limit, and is not waited for', async () => {
    const aborted = gate<unknown>();
    const bench = await createBench([
      typeOf(
        (_, { signal }) => {
          signal.addEventListener('abort', () => aborted.open(signal.reason));
          return new Promise(() => {});
        },
        { timeout: '100ms' },
      ),
    ]);
    const id = await bench.accept();
    await bench.attempt(id);
    expect(await aborted.opened).toMatchObject({ name: 'AttemptAborted', why: 'timeout' });
    expect(await bench.row(id)).toMatchObject({
      state: 'FAILED',
      retry_count: 1,
      last_error: 'the attempt timed out after 100 ms',
    });
  });

  test('by a cancel ends CANCELLED whether it obeys or not', async () => {
    for (const obeys of [true, false]) {
      const started = gate();
      const bench = await createBench([
        typeOf((_, { signal }) => {
          started.open();
          return new Promise((_resolve, reject) => {
            if (obeys) signal.addEventListener('abort', () => reject(signal.reason));
          });
        }),
      ]);
      const id = await bench.accept();
      const attempt = bench.attempt(id);
      await started.opened;
      bench.dependencies.running.abort(id, 'cancel');
      expect(await attempt).toEqual({ outcome: 'cancelled' });
      expect(await bench.row(id)).toMatchObject({ state: 'CANCELLED', retry_count: 0 });
    }
  });

  test('by a stopping worker is handed back as if it had not begun', async () => {
    const started = gate();
    const bench = await createBench([
      typeOf(() => {
        started.open();
        return new Promise(() => {});
      }),
    ]);
    const id = await bench.accept();
    const attempt = bench.attempt(id);
    await started.opened;
    bench.dependencies.running.abortAll('shutdown');
    expect(await attempt).toEqual({ outcome: 'released' });
    expect(await bench.row(id)).toMatchObject({ state: 'QUEUED', retry_count: 0, queued: true });
  });
});

test('what begins after the worker was told to stop is handed back without its handler', async () => {
  let calls = 0;
  const { accept, attempt, row, dependencies } = await createBench([typeOf(() => void calls++)]);
  const id = await accept();
  dependencies.running.abortAll('shutdown');
  expect(await attempt(id)).toEqual({ outcome: 'released' });
  expect(await row(id)).toMatchObject({ state: 'QUEUED', retry_count: 0, queued: true });
  expect(calls).toBe(0);
});
