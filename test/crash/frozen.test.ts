// The short form of long/frozen.test.ts.

import { describe, test } from 'vitest';
import { freeze } from './frozen.ts';
import { modes, TEST_TIMEOUT_MS } from './setup.ts';

const FROZEN_FOR_MS = 25_000;

describe.each(modes('each its own workflow'))('events run $mode', ({ environment }) => {
  test(
    'stopped in mid-handler for longer than its lease and its transaction last: one effect, states true',
    () => freeze(environment, FROZEN_FOR_MS),
    TEST_TIMEOUT_MS,
  );
});
