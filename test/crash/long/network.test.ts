// The network between the worker and Temporal goes silent for a minute.

import { describe, test } from 'vitest';
import { silence } from '../network.ts';
import { MODES } from '../setup.ts';

const SILENT_FOR_MS = 60_000;
const RECOVERED_WITHIN_MS = 240_000;

describe.each(MODES)('events run $mode', ({ environment }) => {
  test('silence for 60 s in the middle of 300 events: states true, nothing twice, all PROCESSED', () =>
    silence(environment, SILENT_FOR_MS, RECOVERED_WITHIN_MS));
});
