// The short form of long/network.test.ts.

import { describe, test } from 'vitest';
import { silence } from './network.ts';
import { modes, TEST_TIMEOUT_MS } from './setup.ts';

const SILENT_FOR_MS = 12_000;
const RECOVERED_WITHIN_MS = 60_000;

describe.each(modes('each its own workflow'))('events run $mode', ({ environment }) => {
  test(
    'silence for 12 s in the middle of 300 events: states true, nothing twice, all PROCESSED',
    () => silence(environment, SILENT_FOR_MS, RECOVERED_WITHIN_MS),
    TEST_TIMEOUT_MS,
  );
});
