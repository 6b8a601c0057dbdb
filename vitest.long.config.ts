// The tests that take minutes by their nature (a process that is stopped for 60 s, 20 kills in a row): npm run test:long.

import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const TEST_TIMEOUT_MS = 900_000;

const { projects: _projects, ...shared } = base.test ?? {};

export default defineConfig({
  resolve: base.resolve ?? {},
  // One at a time: some of them measure how long things take.
  test: { ...shared, include: ['test/**/long/*.test.ts'], exclude: [], testTimeout: TEST_TIMEOUT_MS, maxWorkers: 1 },
});
