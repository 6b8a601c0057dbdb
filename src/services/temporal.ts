// The embedded Temporal: a development server with its data in TEM_HOME, loopback only, tuned as docs/benchmarks.md
// measures. Losing its last moment at a power cut is fine: the ledger starts again what was unfinished.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectClient, SEARCH_ATTRIBUTES } from '../core/temporal.ts';
import { isPortAnswering, PortTaken, startOnFreePorts } from './ports.ts';
import { logAfter, logTail, type ProcessIdentity, type ServiceProcess, startProcess } from './processes.ts';
import { type Say, withProgress } from './progress.ts';
import { prepareTemporalDatabase, setDatabaseAside } from './temporal-database.ts';

export interface TemporalOptions {
  home: string;
  /** Path of the `temporal` program. */
  binary: string;
  namespace: string;
  /** The next free ones are taken when these are in use; 0 takes any. */
  port: number;
  uiPort: number;
  /** After a crash the address that others were given must stay: then only these ports will do. */
  portIsFixed?: boolean;
  /** Called once a server runs, long before it is usable: one that nobody knows of would keep the data for itself. */
  onSpawn?: (identity: ProcessIdentity) => void;
  say: Say;
  /** Gives up the start when it aborts. */
  signal: AbortSignal;
}

export interface EmbeddedTemporal extends ServiceProcess {
  port: number;
  uiPort: number;
  address: string;
  uiUrl: string;
  dbFile: string;
}

const LOOPBACK = '127.0.0.1';
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;
const CALL_TIMEOUT_MS = 2_000;
/** A server that doesn't get its port ends well before that. It counts where a version says in other words that it listens. */
const OUTLIVES_A_TAKEN_PORT_MS = 5_000;
/** What a server that did not get one of its ports wrote; the log ends with a stack when it lost it in the last moment. */
const PORT_TAKEN = /address already in use|can't set (frontend|UI) port/i;
/** SQLite's words for a file that it can't read. */
const DAMAGED = /file is not a database|database disk image is malformed/;

// The defaults poll 20 times a second and shard, which makes each dispatch of steady work wait up to 50 ms. An eager
// activity doesn't pass through a queue, where a worker that has stopped would still be given some.
const DYNAMIC_CONFIG = {
  'system.enableActivityEagerExecution': true,
  'history.transferProcessorMaxPollRPS': 10_000,
  'history.timerProcessorMaxPollRPS': 10_000,
};
const SQLITE_PRAGMAS = { journal_mode: 'wal', synchronous: 1 };
// Twice the speed for memory that a development machine has: the server's garbage collector is its largest cost.
const GC_PERCENT = '400';

/** Starts the development server and resolves once its namespace and search attributes are usable. */
export async function startTemporal(options: TemporalOptions): Promise<EmbeddedTemporal> {
  const ports = [options.port, options.uiPort];
  const launchAgain = async (chosen: number[], hasSetAside: boolean): Promise<EmbeddedTemporal> => {
    const [port = 0, uiPort = 0] = chosen;
    try {
      return await launch(options, port, uiPort);
    } catch (error) {
      if (hasSetAside || !DAMAGED.test((error as Error).message)) throw error;
      const setAside = setDatabaseAside(join(options.home, 'temporal.db'));
      options.say(
        `Temporal's database is damaged and was moved to ${setAside}: the ledger starts again what is unfinished`,
      );
      return launchAgain(chosen, true);
    }
  };
  try {
    return await startOnFreePorts({ ports, areFixed: options.portIsFixed ?? false }, (chosen) =>
      launchAgain(chosen, false),
    );
  } catch (error) {
    options.signal.throwIfAborted();
    throw new Error(`the embedded Temporal did not start: ${(error as Error).message}`);
  }
}

async function launch(options: TemporalOptions, port: number, uiPort: number): Promise<EmbeddedTemporal> {
  const dbFile = join(options.home, 'temporal.db');
  // In the default journal mode: the file must be whole in itself when its indexes are dropped.
  await prepareTemporalDatabase(dbFile, async (path) => (await serve(options, port, uiPort, path, {})).stop());
  const server = await serve(options, port, uiPort, dbFile, SQLITE_PRAGMAS);
  return { ...server, port, uiPort, address: `${LOOPBACK}:${port}`, uiUrl: `http://${LOOPBACK}:${uiPort}`, dbFile };
}

/** A server on a database file, usable. Rejects, with nothing left running, when it doesn't get there. */
async function serve(
  options: TemporalOptions,
  port: number,
  uiPort: number,
  dbFile: string,
  pragmas: Record<string, unknown>,
): Promise<ServiceProcess> {
  const logPath = join(options.home, 'logs', 'temporal.log');
  const pairs = (flag: string, values: Record<string, unknown>): string[] => {
    return Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  };
  const server = await startProcess({
    name: 'the embedded Temporal',
    command: options.binary,
    args: [
      'server',
      'start-dev',
      '--ip',
      LOOPBACK,
      '--port',
      String(port),
      '--ui-port',
      String(uiPort),
      '--db-filename',
      dbFile,
      '--namespace',
      options.namespace,
      '--log-level',
      'error',
      ...pairs('--sqlite-pragma', pragmas),
      ...pairs('--dynamic-config-value', DYNAMIC_CONFIG),
      ...pairs('--search-attribute', SEARCH_ATTRIBUTES),
    ],
    env: { ...process.env, GOGC: GC_PERCENT },
    logPath,
    stopSignal: 'SIGTERM',
  });
  options.onSpawn?.(server.identity);
  try {
    await withProgress(
      options.say,
      'Starting Temporal',
      () => `waiting for its namespace ${options.namespace} on port ${port}`,
      () => untilReady(server, port, options.namespace, logPath, options.signal),
    );
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function untilReady(
  server: ServiceProcess,
  port: number,
  namespace: string,
  logPath: string,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  const hasOutlived = (): boolean => performance.now() - startedAt > OUTLIVES_A_TAKEN_PORT_MS;
  let reason = `nobody listens on port ${port}`;
  for (;;) {
    signal.throwIfAborted();
    if (server.hasExited()) throw await endOf(server, port, logPath);
    try {
      // gRPC waits a second after a refused connection, so it is asked only once somebody listens.
      if ((await isPortAnswering(port)) && (saysItListens(server, logPath) || hasOutlived())) {
        await checkUsable(`${LOOPBACK}:${port}`, namespace);
        return;
      }
    } catch (error) {
      reason = (error as Error).message;
    }
    if (performance.now() - startedAt > READY_TIMEOUT_MS)
      throw new Error(`not usable after ${READY_TIMEOUT_MS / 1_000} s: ${reason}`);
    await delay(READY_POLL_MS);
  }
}

/** Who answers may be somebody else's Temporal, which took the port while this one was starting. */
function saysItListens(server: ServiceProcess, logPath: string): boolean {
  return /^(Temporal )?Server:\s/m.test(logAfter(logPath, server.logFrom));
}

async function endOf(server: ServiceProcess, port: number, logPath: string): Promise<Error> {
  const how = await server.exited;
  if (PORT_TAKEN.test(logAfter(logPath, server.logFrom))) {
    return new PortTaken(`port ${port}, or that of its Web UI, is taken by another program`);
  }
  return new Error(`${how}: ${logTail(logPath, server.logFrom)}`);
}

async function checkUsable(address: string, namespace: string): Promise<void> {
  const connection = await connectClient({ address }, CALL_TIMEOUT_MS);
  try {
    await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
      await connection.workflowService.describeNamespace({ namespace });
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      const missing = Object.keys(SEARCH_ATTRIBUTES).filter((name) => !(name in customAttributes));
      if (missing.length > 0) throw new Error(`search attributes ${missing.join(', ')} are not there yet`);
    });
  } finally {
    await connection.close();
  }
}
