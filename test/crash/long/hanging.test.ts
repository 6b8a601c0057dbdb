// Spread over 45 s, so that the webhooks time out twice meanwhile, up to 2,000 of them together.

import { describe, test } from 'vitest';
import { hangBeside } from '../hanging.ts';
import { MODES } from '../setup.ts';

const PACE_MS = 450;

describe.each(MODES)('events run $mode', ({ environment }) => {
  test('2,000 webhooks that time out together, beside 500 quick notifications: their p99 is under 1 s', async () => {
    await hangBeside(environment, PACE_MS);
  });
});
