// The short form of long/kills.test.ts.

import { describe, test } from 'vitest';
import { surviveKills } from './kills.ts';
import { modes, TEST_TIMEOUT_MS } from './setup.ts';

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    'a worker killed 2 s after it reports ready, 3 times, during 120 events: all PROCESSED, each effect once',
    async () => {
      await surviveKills(environment, 3, 120);
    },
    TEST_TIMEOUT_MS,
  );
});
