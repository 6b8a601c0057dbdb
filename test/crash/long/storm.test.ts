// 10,000 events fail together, three times, under the default retry policy.

import { describe, test } from 'vitest';
import { MODES } from '../setup.ts';
import { weather } from '../storm.ts';

describe.each(MODES)('events run $mode', ({ environment }) => {
  test('10,000 events that fail at once come back spread out, and the worker stays small', async () => {
    const steps = [{ do: 'fail' as const, times: 3 }, { do: 'write' as const }];
    await weather(environment, {
      events: 10_000,
      event: { type: 'stormy', steps },
      attempts: 4,
      memoryMaxMb: 600,
      begun: true,
    });
  });
});
