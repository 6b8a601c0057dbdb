// Builds the program under test, and gives the test run its services: those that `npm run test:services` keeps running, else
// a Postgres and a Temporal of its own, started with the launcher that people use, in a folder of its own. These end when
// this process does, however it ends, because they hold the other end of its IPC channel.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDoor } from './open-search-door.ts';
import { CLONED, startTem } from './processes.ts';
import { builtProgram } from './program.ts';
import { runningServices } from './running-services.ts';
import { migratedTemplate } from './template.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A migrated database that nobody connects to: the template of every test's own. */
    templateUrl: string;
    temporalAddress: string;
    temporalCli: string;
    /** Where a test file asks for the run's OpenSearch. */
    openSearchDoor: string;
  }
}

interface Services {
  databaseUrl: string;
  temporalAddress: string;
  temporalCli: string;
  stop(): Promise<void>;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The processes of the test files inherit it.
  process.env.TEM_TEST_PROGRAM ??= await builtProgram();
  const running = runningServices();
  const services = running ? { ...running, stop: async () => {} } : await ownServices();
  const door = await openDoor();
  const stop = async (): Promise<void> => {
    await Promise.all([door.close(), services.stop()]);
  };
  try {
    project.provide('templateUrl', await migratedTemplate(services.databaseUrl));
    project.provide('temporalAddress', services.temporalAddress);
    project.provide('temporalCli', services.temporalCli);
    project.provide('openSearchDoor', door.url);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ownServices(): Promise<Services> {
  // The space is there on purpose: paths with one must work.
  const home = await mkdtemp(join(tmpdir(), 'tem test '));
  const anyPorts = { TEM_POSTGRES_PORT: '0', TEM_TEMPORAL_PORT: '0', TEM_TEMPORAL_UI_PORT: '0' };
  const services = startTem(['services'], { TEM_HOME: home, ...anyPorts }, { program: CLONED });
  services.onLine('stderr', (line) => process.stderr.write(`${line}\n`));
  const stop = async (): Promise<void> => {
    await services.stop();
    await rm(home, { recursive: true, force: true });
  };
  try {
    const ready = await services.ready();
    return {
      databaseUrl: String(ready.databaseUrl),
      temporalAddress: String(ready.temporalAddress),
      temporalCli: String(ready.temporalCli),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
