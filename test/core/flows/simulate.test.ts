// What limits would have done with known arrivals.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { simulate } from '../../../src/core/flows/simulate.ts';

const NONE = { paused: false, maxInFlight: null, rate: null };
const perMinute = [600, 0, 0, 0];

test('without a limit nobody waits; paused, nobody begins', () => {
  expect(simulate(NONE, { perMinute, attemptMs: 10 })).toEqual({
    arrivals: 600,
    waitMs: { p50: 0, p99: 0, max: 0 },
    backlog: { max: 0, atEnd: 0 },
    perMinuteMax: null,
    attemptMs: 10,
  });
  expect(simulate({ ...NONE, paused: true }, { perMinute, attemptMs: 10 })).toMatchObject({
    waitMs: null,
    backlog: { max: 600, atEnd: 600 },
    perMinuteMax: 0,
  });
});

test('a rate of half the burst makes it wait a minute at most, and nothing is left', () => {
  const { waitMs, backlog } = simulate({ ...NONE, rate: { limit: 5, per: 'second' } }, { perMinute, attemptMs: null });
  expect(backlog).toEqual({ max: 300, atEnd: 0 });
  expect(waitMs?.p50).toBeGreaterThan(25_000);
  expect(waitMs?.p50).toBeLessThan(35_000);
  expect(waitMs?.max).toBeGreaterThan(55_000);
  expect(waitMs?.max).toBeLessThanOrEqual(60_000);
});

test('places count by how long an attempt takes', () => {
  const flow = { ...NONE, maxInFlight: 2 };
  expect(simulate(flow, { perMinute, attemptMs: 1_000 }).perMinuteMax).toBe(120);
  expect(simulate(flow, { perMinute, attemptMs: null }).perMinuteMax).toBeNull();
});

test('what came has begun or waits at the end, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1_000), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 2_000 }),
      (given, limit) => {
        const { backlog, arrivals } = simulate(
          { ...NONE, rate: { limit, per: 'minute' } },
          { perMinute: given, attemptMs: 5 },
        );
        const least = Math.max(0, arrivals - limit * given.length);
        expect(backlog.atEnd).toBeGreaterThanOrEqual(Math.floor(least) - 1);
        expect(backlog.max).toBeGreaterThanOrEqual(backlog.atEnd);
        expect(backlog.max).toBeLessThanOrEqual(arrivals);
      },
    ),
    { numRuns: 50 },
  );
});
