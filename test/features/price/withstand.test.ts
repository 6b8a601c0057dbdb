// What a sweep withstands, in short. The long form is under long/.

import { expect, test } from 'vitest';
import { sweepThroughCrashes, TAIL_MAX } from './withstand.ts';

test('a sweep loses a worker every 5 s and Temporal’s database, and checks everything once but the tails', {
  timeout: 300_000,
}, async () => {
  const { asked, killed } = await sweepThroughCrashes({ products: 1_200, answerMs: 250 });
  expect(killed).toBeGreaterThan(1);
  expect(asked).toBeLessThanOrEqual(1_200 + (killed + 1) * TAIL_MAX);
});
