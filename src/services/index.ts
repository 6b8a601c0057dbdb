// Starts what the environment doesn't give: a Postgres, a Temporal, or neither. One supervisor per TEM_HOME; what a
// killed one left behind is stopped first; a service that dies is started again on the same address.

import { join } from 'node:path';
import { type Config, ConfigError, cacheFolderOf, homeOf } from '../config.ts';
import { makeFolder } from '../core/folder.ts';
import { workerStopGraceMs } from './children.ts';
import {
  AlreadyRunning,
  type Instance,
  readInstance,
  removeInstance,
  runningInstance,
  withAddresses,
  writeInstance,
} from './instance.ts';
import { type KeptService, keepRunning } from './keep-running.ts';
import { withKeys } from './keys.ts';
import { takeLock } from './lock.ts';
import { startPostgres } from './postgres.ts';
import { identify, isAlive, type ProcessIdentity, stopProcess } from './processes.ts';
import { type Say, withProgress } from './progress.ts';
import { startTemporal } from './temporal.ts';
import { findTemporalBinary } from './temporal-binary.ts';

export interface RunningServices {
  /** The configuration with both addresses and every secret present. */
  config: Config;
  /** Where Temporal's Web UI is, and the CLI; empty when Temporal is not embedded. */
  temporalUiUrl: string;
  temporalCli: string;
  /** Keeps a child of the supervisor in the state, so that the next start can clear it away; undefined: it has ended. */
  note(name: string, identity: ProcessIdentity | undefined): void;
  noteApiUrl(url: string, demoPort: number): void;
  stop(): Promise<void>;
}

/**
 * Starts the services of a home for `command` (such as `tem up`). Throws AlreadyRunning, a ConfigError in words, or the
 * signal's reason when it aborts; nothing that was started is left then.
 */
export async function startServices(
  given: Config,
  command: string,
  say: Say,
  signal: AbortSignal,
): Promise<RunningServices> {
  const home = homeOf(given);
  makeHome(home);
  const lock = takeLock(join(home, 'supervisor.lock'));
  if (!lock.taken) throw new AlreadyRunning(alreadyRunningMessage(home, lock.holder));
  const kept: KeptService[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(kept.map((service) => service.stop()));
    removeInstance(home);
    lock.release();
  };
  try {
    await stopLeftovers(given, say);
    const config = withKeys(given);
    const self = identify(process.pid) as ProcessIdentity;
    const instance: Instance = {
      command,
      supervisor: self,
      processes: {},
      databaseUrl: config.databaseUrl ?? '',
      temporalAddress: config.temporal.address ?? '',
      temporalNamespace: config.temporal.namespace,
      temporalCli: '',
      temporalUiUrl: '',
      apiUrl: '',
      demoPort: 0,
    };
    const note = (name: string, identity: ProcessIdentity | undefined): void => {
      if (identity) instance.processes[name] = identity;
      else delete instance.processes[name];
      writeInstance(home, instance);
    };
    writeInstance(home, instance);
    const start: Start = { config, say, note, instance, signal };
    const starts: Promise<KeptService>[] = [];
    if (config.databaseUrl === undefined) starts.push(keepPostgres(start));
    if (config.temporal.address === undefined) starts.push(keepTemporal(start));
    const results = await Promise.allSettled(starts);
    for (const result of results) if (result.status === 'fulfilled') kept.push(result.value);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return {
      config: withAddresses(config, instance),
      temporalUiUrl: instance.temporalUiUrl,
      temporalCli: instance.temporalCli,
      note,
      noteApiUrl(url, demoPort) {
        Object.assign(instance, { apiUrl: url, demoPort });
        writeInstance(home, instance);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Start {
  config: Config;
  say: Say;
  note: RunningServices['note'];
  instance: Instance;
  signal: AbortSignal;
}

async function keepPostgres({ config, say, note, instance, signal }: Start): Promise<KeptService> {
  let port: number | undefined;
  return keepRunning('Postgres', say, signal, async (startSignal) => {
    const started = await startPostgres({
      home: homeOf(config),
      binFolder: config.embedded.postgresBin,
      port: port ?? config.embedded.postgresPort,
      portIsFixed: port !== undefined,
      onSpawn: (identity) => note('postgres', identity),
      say,
      signal: startSignal,
    });
    port = started.port;
    instance.databaseUrl = started.databaseUrl;
    note('postgres', started.identity);
    return started;
  });
}

async function keepTemporal({ config, say, note, instance, signal }: Start): Promise<KeptService> {
  const binary = await findTemporalBinary({ cacheFolder: cacheFolderOf(config), say, signal });
  const { namespace } = config.temporal;
  let ports: { port: number; uiPort: number } | undefined;
  return keepRunning('Temporal', say, signal, async (startSignal) => {
    const { temporalPort: port, temporalUiPort: uiPort } = config.embedded;
    const wanted = ports ?? { port, uiPort };
    const started = await startTemporal({
      home: homeOf(config),
      binary,
      namespace,
      ...wanted,
      portIsFixed: ports !== undefined,
      onSpawn: (identity) => note('temporal', identity),
      say,
      signal: startSignal,
    });
    ports = { port: started.port, uiPort: started.uiPort };
    Object.assign(instance, { temporalAddress: started.address, temporalUiUrl: started.uiUrl, temporalCli: binary });
    note('temporal', started.identity);
    return started;
  });
}

/** Stops what the supervisor of this home left running when it was killed. */
async function stopLeftovers(given: Config, say: Say): Promise<void> {
  const home = homeOf(given);
  const left = readInstance(home);
  if (!left) return;
  const alive = Object.entries(left.processes)
    .sort()
    .filter(([, identity]) => isAlive(identity));
  if (alive.length > 0) {
    say(
      `Stopping what an earlier start left behind: ${alive.map(([name, { pid }]) => `${name} (pid ${pid})`).join(', ')}`,
    );
  }
  const stop = ([name, identity]: [string, ProcessIdentity]): Promise<void> =>
    name === 'worker'
      ? stopProcess(identity, 'SIGTERM', workerStopGraceMs(given))
      : stopProcess(identity, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
  // Programs first, so that they don't complain about services that go away.
  const isService = (name: string): boolean => name === 'postgres' || name === 'temporal';
  for (const group of [alive.filter(([name]) => !isService(name)), alive.filter(([name]) => isService(name))]) {
    const waitsFor = (): string => {
      const left = group.filter(([, identity]) => isAlive(identity)).map(([name]) => name);
      return `waiting for ${left.join(', ')} to end`;
    };
    await withProgress(say, 'Stopping what was left behind', waitsFor, () => Promise.all(group.map(stop)));
  }
  removeInstance(home);
}

function alreadyRunningMessage(home: string, holder: ProcessIdentity): string {
  const running = runningInstance(home);
  const where = running?.apiUrl ? `, its API is ${running.apiUrl}` : '';
  return `${running?.command ?? 'TEM'} already runs on ${home} (pid ${holder.pid})${where}; set TEM_HOME to run another beside it`;
}

function makeHome(home: string): void {
  try {
    makeFolder(home);
  } catch (error) {
    throw new ConfigError(`TEM_HOME: ${home} can't be made (${(error as Error).message})`);
  }
}
