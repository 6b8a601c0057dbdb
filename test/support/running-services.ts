// The Postgres and Temporal that `npm run test:services` keeps running: while it runs, every test run on this machine uses
// them, whichever copy of the sources it tests, so that one test file starts in seconds.

import { join } from 'node:path';
import { cacheFolderOf, readConfig } from '../../src/config.ts';
import { type Instance, runningInstance } from '../../src/services/instance.ts';

export const SERVICES_HOME = join(cacheFolderOf(readConfig({})), 'test-services');

/** Undefined when none run, or when this run is for binaries of its own (npm run test:postgres). */
export function runningServices(): Instance | undefined {
  if (process.env.TEM_POSTGRES_BIN !== undefined) return undefined;
  const instance = runningInstance(SERVICES_HOME);
  // Written once both answer.
  return instance?.databaseUrl && instance.temporalAddress ? instance : undefined;
}
