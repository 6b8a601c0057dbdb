// Thousands of events fail together, three times, under the default retry policy: 10,000 in batches. Workflows of their
// own can't let so many fail at once on two cores: how many are due in a second depends there on how many it had time for.

import { describe, test } from 'vitest';
import { MODES } from '../setup.ts';
import { weather } from '../storm.ts';

const PROCESSED_WITHIN_MS = 600_000;
const EVENTS = { 'in batches': 10_000, 'each its own workflow': 2_000 };

describe.each(MODES)('events run $mode', ({ mode, environment }) => {
  const events = EVENTS[mode];
  test(`${events} events that fail at once come back spread out, and the worker stays small`, async () => {
    const steps = [{ do: 'fail' as const, times: 3 }, { do: 'write' as const }];
    await weather(environment, {
      events,
      event: { type: 'stormy', steps },
      attempts: 4,
      // Between two major collections each of its two threads holds 150 MB of garbage: measured with 2,000 workflows.
      memoryMaxMb: 800,
      atOnce: mode === 'in batches',
      withinMs: PROCESSED_WITHIN_MS,
    });
  });
});
