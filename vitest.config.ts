// How the tests run: real processes on two cores, so few files at a time, and time enough for a slow machine. Files whose
// subject is time itself run after the others and alone: beside another file they would measure that one.

import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const TEST_TIMEOUT_MS = 60_000;
const HOOK_TIMEOUT_MS = 120_000;

const ALONE = ['test/crash/hanging.test.ts', 'test/crash/storm.test.ts'];

/** What all tests share but the set-up: a project that had it too would start services of its own. */
export const shared = {
  // Examples import `tem` by name, and no `tem` process has loaded the sources here.
  alias: [{ find: /^tem$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) }],
  pool: 'forks' as const,
  testTimeout: TEST_TIMEOUT_MS,
  hookTimeout: HOOK_TIMEOUT_MS,
  teardownTimeout: HOOK_TIMEOUT_MS,
  restoreMocks: true,
  provide: { crashModes: 'once' as 'once' | 'both' },
};
export const GLOBAL_SETUP = ['test/support/global-setup.ts'];

export default defineConfig({
  test: {
    globalSetup: GLOBAL_SETUP,
    projects: [
      {
        test: {
          ...shared,
          name: 'beside',
          include: ['test/**/*.test.ts'],
          // npm run test:long
          exclude: [...configDefaults.exclude, 'test/**/long/**', ...ALONE],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: { ...shared, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
