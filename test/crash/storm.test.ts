// The short form of long/storm.test.ts.

import { describe, test } from 'vitest';
import { modes, TEST_TIMEOUT_MS } from './setup.ts';
import { weather } from './storm.ts';

const PROCESSED_WITHIN_MS = 240_000;

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    '500 events that fail at once come back spread out',
    async () => {
      const steps = [{ do: 'fail' as const, times: 1 }, { do: 'write' as const }];
      await weather(environment, {
        events: 500,
        event: { type: 'stormy', steps },
        attempts: 2,
        memoryMaxMb: 600,
        atOnce: true,
        withinMs: PROCESSED_WITHIN_MS,
      });
    },
    TEST_TIMEOUT_MS,
  );
});
