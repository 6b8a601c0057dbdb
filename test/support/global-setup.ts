// Starts Postgres and Temporal once for the whole test run, with the launcher that people use, in a folder of its own.
// The services end when this process does, however it ends, because they hold the other end of its IPC channel.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startTem } from './processes.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A migrated database that nobody connects to: the template of every test's own. */
    templateUrl: string;
    temporalAddress: string;
    temporalCli: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The space is there on purpose: paths with one must work.
  const home = await mkdtemp(join(tmpdir(), 'tem test '));
  const services = startTem(['services'], {
    TEM_HOME: home,
    TEM_POSTGRES_PORT: '0',
    TEM_TEMPORAL_PORT: '0',
    TEM_TEMPORAL_UI_PORT: '0',
  });
  services.onLine('stderr', (line) => process.stderr.write(`${line}\n`));
  const stop = async (): Promise<void> => {
    await services.stop();
    await rm(home, { recursive: true, force: true });
  };
  try {
    const ready = await services.ready();
    project.provide('templateUrl', String(ready.databaseUrl));
    project.provide('temporalAddress', String(ready.temporalAddress));
    project.provide('temporalCli', String(ready.temporalCli));
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
