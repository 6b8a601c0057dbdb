// The tests that take minutes by their nature (a process that is stopped for 60 s, 20 kills in a row), and the tables of
// test/crash in batches and with a workflow for each event, of which npm test runs each in one way: npm run test:long.

import { defineConfig } from 'vitest/config';
import { GLOBAL_SETUP, shared } from './vitest.config.ts';

const TEST_TIMEOUT_MS = 900_000;

export default defineConfig({
  test: {
    ...shared,
    globalSetup: GLOBAL_SETUP,
    include: ['test/**/long/*.test.ts', 'test/crash/*.test.ts'],
    provide: { crashModes: 'both' },
    testTimeout: TEST_TIMEOUT_MS,
    // One at a time: some of them measure how long things take.
    maxWorkers: 1,
  },
});
