// The short form of long/hanging.test.ts: before the first webhook times out.

import { describe, test } from 'vitest';
import { hangBeside } from './hanging.ts';
import { modes, TEST_TIMEOUT_MS } from './setup.ts';

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    '2,000 webhooks to a target that hangs, beside 500 quick notifications: their p99 is under 1 s',
    async () => {
      await hangBeside(environment, 0);
    },
    TEST_TIMEOUT_MS,
  );
});
