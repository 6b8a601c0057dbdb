// The long form of ../withstand.test.ts: 20,000 products.

import { expect, test } from 'vitest';
import { sweepThroughCrashes, TAIL_MAX } from '../withstand.ts';

const PRODUCTS = 20_000;

test('a sweep of 20,000 loses a worker every 5 s and Temporal’s database, and checks everything once but the tails', {
  timeout: 1_800_000,
}, async () => {
  const { asked, killed } = await sweepThroughCrashes({ products: PRODUCTS, answerMs: 100 });
  expect(killed).toBeGreaterThan(5);
  expect(asked).toBeLessThanOrEqual(PRODUCTS + (killed + 1) * TAIL_MAX);
});
