// How the tests run on two cores, with time enough for a slow machine. First what needs no process but its own: one process
// runs many such files, because loading the sources anew for each costs more than most of their tests. Then what starts
// processes and waits for them more than it computes. Files whose subject is time itself run last and alone: beside another
// file they would measure that one.

import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const TEST_TIMEOUT_MS = 60_000;
const HOOK_TIMEOUT_MS = 120_000;

/** npm run test:long */
const LONG = 'test/**/long/**';
const ALONE = ['test/crash/hanging.test.ts', 'test/crash/storm.test.ts'];
/** Such a file may leave nothing behind: what it makes ends with it (test/support/at-end.ts), modules keep no state. */
const TOGETHER = [
  'test/core/**/*.test.ts',
  'test/api/**/*.test.ts',
  'test/activities/*.test.ts',
  'test/docs/*.test.ts',
];

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
          name: 'together',
          include: TOGETHER,
          exclude: [...configDefaults.exclude, LONG],
          isolate: false,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'beside',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, LONG, ...TOGETHER, ...ALONE],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: { ...shared, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
