// A time limit counts running time: what a blocked event loop takes away is nobody's.

import { expect, test } from 'vitest';
import { createAttemptClock } from '../../../src/core/attempt/clock.ts';
import { gate, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

function block(forMs: number): void {
  const until = performance.now() + forMs;
  while (performance.now() < until);
}

test('a limit ends by itself, once', async () => {
  const clock = createAttemptClock();
  let calls = 0;
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    clock.limit(100, () => {
      calls += 1;
      resolve();
    });
  });
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(99);
  const { opened, open } = gate();
  clock.limit(100, open);
  await opened;
  expect(calls).toBe(1);
});

test('a limit that was cancelled never ends', async () => {
  const clock = createAttemptClock();
  let calls = 0;
  const limit = clock.limit(20, () => calls++);
  limit.cancel();
  const { opened, open } = gate();
  clock.limit(60, open);
  await opened;
  expect(calls).toBe(0);
});

test('a handler that blocks the process makes no other attempt time out', async () => {
  const started = gate();
  const { accept, attempt, row } = await createBench([
    typeOf(
      async () => {
        started.open();
        // Needs most of its limit, and the process is blocked for many times as long.
        const until = performance.now() + 300;
        for (let turns = 0; turns < 20 || performance.now() < until; turns++)
          await new Promise((resolve) => setTimeout(resolve, 5));
      },
      { name: 'patient', timeout: '1s' },
    ),
    typeOf(
      async () => {
        await started.opened;
        block(3_000);
      },
      { name: 'blocker', timeout: '1s' },
    ),
  ]);
  const patient = await accept({}, 'patient');
  const blocker = await accept({}, 'blocker');
  await Promise.all([attempt(patient), attempt(blocker)]);
  expect(await row(patient)).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
});

test('waits because of others are off the clock, up to their bound', async () => {
  for (const [uncountedMaxMs, ends] of [
    [10_000, false],
    [50, true],
  ] as const) {
    const clock = createAttemptClock(uncountedMaxMs);
    const { opened, open } = gate();
    let ended = false;
    const limit = clock.limit(100, () => {
      ended = true;
    });
    const waiting = limit.offTheClock(() => opened);
    await new Promise<void>((resolve) => void clock.limit(400, resolve));
    expect(ended, `${uncountedMaxMs} ms`).toBe(ends);
    open();
    await waiting;
    await new Promise<void>((resolve) => void clock.limit(200, resolve));
    // From then on it runs again.
    expect(ended).toBe(true);
  }
});
