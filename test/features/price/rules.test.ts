// The priority's arithmetic, its tiers, and when a shop is left alone.

import { describe, expect, test } from 'vitest';
import { type Breaker, breakerStep, CLOSED, type ShopOutcome } from '../../../src/features/price/rules/breaker.ts';
import {
  priorityOf,
  priorityParts,
  recencyScore,
  TIER_NAMES,
  tierOf,
  volatilityScore,
  WEIGHTS_DEFAULT,
} from '../../../src/features/price/rules/priority.ts';

const HOUR_MS = 3_600_000;

describe('the priority', () => {
  test('is has_active_deal * 50 + volatility * 0.30 + popularity * 0.15 + recency * 0.05', () => {
    const parts = priorityParts({ activeDeal: true, volatility: 33.3, popularity: 73, recency: 100 }, WEIGHTS_DEFAULT);
    expect(parts).toEqual({ activeDeal: 50, volatility: 9.99, popularity: 10.95, recency: 5 });
    expect(priorityOf(parts)).toBe(75.94);
    const all = priorityParts({ activeDeal: false, volatility: 100, popularity: 100, recency: 100 }, WEIGHTS_DEFAULT);
    expect(priorityOf(all)).toBe(50);
  });

  test('has a tier, and an active deal is hourly whatever the score', () => {
    const tiers = TIER_NAMES.map((tier, index) => ({
      tier,
      minPriority: [80, 60, 40, 20, 0][index] as number,
      everyMs: 1,
    }));
    const named = [100, 80, 79.9999, 60, 59, 40, 39, 20, 19.9999, 0].map((score) => tierOf(score, false, tiers)?.tier);
    expect(named).toEqual(['hourly', 'hourly', '3h', '3h', '6h', '6h', '12h', '12h', 'daily', 'daily']);
    expect(tierOf(50, true, tiers)?.tier).toBe('hourly');
  });

  test('its scores are bounded', () => {
    expect(volatilityScore([])).toBe(0);
    expect(volatilityScore([100, 100])).toBe(0);
    expect(volatilityScore([90, 110])).toBe(50);
    expect(volatilityScore([1, 1_000])).toBe(100);
    expect([undefined, 0, 12 * HOUR_MS, 90 * HOUR_MS].map(recencyScore)).toEqual([100, 0, 50, 100]);
  });
});

describe('P9: a shop that', () => {
  const now = Date.parse('2027-01-01T00:00:00Z');
  const limited = (retryAfter?: string): ShopOutcome => ({ kind: 'limited', status: 429, retryAfter });
  const forMs = (breaker: Breaker, outcome: ShopOutcome, random = 0) => {
    const step = breakerStep(breaker, outcome, now, random);
    return step.step === 'open' ? step.forMs : step.step;
  };

  test('names a time is left alone until then', () => {
    expect(forMs(CLOSED, limited('7'))).toBe(7_000);
    expect(forMs(CLOSED, limited('Fri, 01 Jan 2027 00:01:30 GMT'))).toBe(90_000);
    expect(forMs(CLOSED, { kind: 'limited', status: 503, retryAfter: '5' })).toBe(5_000);
  });

  test('names none, or nonsense, is left alone for 60 s, doubled each time, an hour at most', () => {
    const bare = ['0', '-1', 'soon', undefined, '', '1.5'].map((text) => forMs(CLOSED, limited(text)));
    expect(bare).toEqual(bare.map(() => 60_000));
    const doubled = [0, 1, 2, 5, 6, 40].map((opens) => forMs({ ...CLOSED, opens }, limited()));
    expect(doubled).toEqual([60_000, 120_000, 240_000, 1_920_000, 3_600_000, 3_600_000]);
    expect(forMs(CLOSED, limited(), 1)).toBe(72_000);
  });

  test('names a year is left alone for a day, and that is said', () => {
    const step = breakerStep(CLOSED, limited(String(365 * 86_400)), now, 0);
    expect(step).toMatchObject({ forMs: 24 * HOUR_MS, reason: expect.stringContaining('cut to 24 h') });
  });

  test('fails five times in a row is left alone, and one request that goes well ends it', () => {
    const failing: ShopOutcome = { kind: 'failing', why: 'HTTP 500' };
    expect(forMs({ ...CLOSED, failures: 3 }, failing)).toBe('count');
    expect(forMs({ ...CLOSED, failures: 4 }, failing)).toBe(60_000);
    expect(forMs({ state: 'open', failures: 0, opens: 1 }, failing)).toBe(120_000);
    expect(forMs({ state: 'open', failures: 0, opens: 3 }, { kind: 'well' })).toBe('close');
  });
});
