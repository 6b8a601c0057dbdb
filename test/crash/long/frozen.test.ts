// A worker that is stopped for a minute in mid-handler.

import { describe, test } from 'vitest';
import { freeze } from '../frozen.ts';
import { MODES } from '../setup.ts';

const FROZEN_FOR_MS = 60_000;

describe.each(MODES)('events run $mode', ({ environment }) => {
  test('stopped for 60 s in mid-handler and continued: one effect, no neighbour blocked, states true', () =>
    freeze(environment, FROZEN_FOR_MS));
});
