// The wait after a failure: min(cap, base * 2^(n-1)) spread by jitter, then capped.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../../src/core/backoff.ts';

const policy = fc.record({
  maxAttempts: fc.constant(5),
  baseMs: fc.integer({ min: 1, max: 3_600_000 }),
  capMs: fc.integer({ min: 1, max: 86_400_000 }),
  jitter: fc.double({ min: 0, max: 0.99, noNaN: true }),
});
const failures = fc.integer({ min: 1, max: 100_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('without jitter it doubles from the base up to the cap', () => {
  const retry = { maxAttempts: 9, baseMs: 10_000, capMs: 60_000, jitter: 0 };
  expect([1, 2, 3, 4, 5, 1_000_000].map((n) => backoffMs(retry, n))).toEqual([
    10_000, 20_000, 40_000, 60_000, 60_000, 60_000,
  ]);
});

test('with jitter it is spread around that, to both sides', () => {
  const retry = { maxAttempts: 9, baseMs: 10_000, capMs: 3_600_000, jitter: 0.2 };
  expect([0, 0.5, 1].map((drawn) => backoffMs(retry, 2, drawn))).toEqual([16_000, 20_000, 24_000]);
});

test('it is a whole number of milliseconds, never above the cap and never outside of its spread', () => {
  fc.assert(
    fc.property(policy, failures, random, (retry, n, drawn) => {
      const waitMs = backoffMs(retry, n, drawn);
      const middle = Math.min(retry.capMs, retry.baseMs * 2 ** Math.min(n - 1, 1_000));
      expect(Number.isSafeInteger(waitMs)).toBe(true);
      expect(waitMs).toBeLessThanOrEqual(retry.capMs);
      expect(waitMs).toBeGreaterThanOrEqual(Math.floor(middle * (1 - retry.jitter)));
      expect(waitMs).toBeLessThanOrEqual(Math.ceil(middle * (1 + retry.jitter)));
    }),
  );
});

test('it never falls from one failure to the next when the draw is the same', () => {
  fc.assert(
    fc.property(policy, failures, random, (retry, n, drawn) => {
      expect(backoffMs(retry, n + 1, drawn)).toBeGreaterThanOrEqual(backoffMs(retry, n, drawn));
    }),
  );
});

test('a wave of failures at once comes back spread out', () => {
  const retry = { maxAttempts: 5, baseMs: 10_000, capMs: 3_600_000, jitter: 0.2 };
  const seconds = new Map<number, number>();
  for (let n = 0; n < 10_000; n++) {
    const second = Math.floor(backoffMs(retry, 1) / 1_000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  // 8 s to 12 s: no second may hold more than three times the mean.
  expect(Math.max(...seconds.values())).toBeLessThan((3 * 10_000) / 4);
  expect(Math.min(...seconds.keys())).toBe(8);
  expect(Math.max(...seconds.keys())).toBeLessThanOrEqual(12);
});
