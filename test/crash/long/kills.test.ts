// A worker that never lives long: whatever it is in the middle of, nothing is lost, doubled or given up.

import { describe, test } from 'vitest';
import { surviveKills } from '../kills.ts';
import { MODES } from '../setup.ts';

describe.each(MODES)('events run $mode', ({ environment }) => {
  test('a worker killed 2 s after it reports ready, 20 times, during 500 events: all PROCESSED, each effect once', async () => {
    await surviveKills(environment, 20, 500);
  });
});
