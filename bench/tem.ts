// TEM as people run it: the embedded services, an API and a worker as real processes, on a home of its own. A case may
// start the worker later, run it with another setting, or give a Temporal of its own.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrate } from '../src/core/ledger/migrate.ts';
import { CHILD_DEFAULTS } from '../src/services/children.ts';
import { readInstance } from '../src/services/instance.ts';
import type { BenchContext } from './context.ts';
import { type Child, processorMs, residentMb, residentPeakMb, startTemChild } from './processes.ts';

export const ADMIN_KEY = 'admin-key-of-the-benchmarks';
const EVENT_TYPES = fileURLToPath(new URL('./event-types.ts', import.meta.url));
const POOL_SIZE = 4;

export interface TemOptions {
  /** Beside what --env gives. */
  environment?: Record<string, string>;
  /** False: the case starts it when it is time. */
  worker?: boolean;
  /** Instead of the embedded services. */
  given?: { databaseUrl: string; temporalAddress: string; processes: Record<string, number> };
  /** Another `tem` than that of the sources, for the API and the worker. */
  program?: string;
  /** A module that the worker's Node loads first. */
  workerPreload?: URL;
}

export interface Tem {
  folder: string;
  apiUrl: string;
  databaseUrl: string;
  temporalAddress: string;
  temporalCli: string;
  pool: pg.Pool;
  startWorker(environment?: Record<string, string>): Promise<void>;
  stopWorker(): Promise<void>;
  workerPeakMb(): number;
  /** What it has resident now. */
  workerMb(): number;
  apiMb(): number;
  /** When the measured work began and ended, by the system's monotonic clock, in microseconds. */
  workUs: { from: number; to: number };
  /** Processor milliseconds so far by process. */
  processor(): Record<string, number>;
  stop(): Promise<void>;
}

/** Starts everything and resolves when it is ready. Stops what it started when a part fails. */
export async function startTem(context: BenchContext, options: TemOptions = {}): Promise<Tem> {
  const home = join(context.folder, `tem-${performance.now().toFixed(0)}`);
  mkdirSync(home, { recursive: true });
  const environment = environmentOf(context, home, options);
  const started = new Map<string, Child>();
  const start = async (
    name: string,
    args: string[],
    further: Record<string, string> = {},
    nodeArguments: string[] = [],
  ) => {
    const child = startTemChild(args, {
      environment: { ...environment, ...further },
      logPath: join(home, `${name}.log`),
      nodeArguments,
      program: args[0] === 'services' ? undefined : options.program,
    });
    started.set(name, child);
    return child.ready;
  };
  const stopChild = async (name: string): Promise<void> => {
    const child = started.get(name);
    started.delete(name);
    await child?.stop();
  };
  let pool: pg.Pool | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all([stopChild('api'), stopChild('worker'), pool?.end()]);
    await stopChild('services');
  };
  const startWorker = async (further: Record<string, string> = {}): Promise<void> => {
    await start('worker', ['worker'], further, workerArguments(context, home, options));
  };
  try {
    const { databaseUrl, temporalAddress } = await startServices(start, options);
    pool = new pg.Pool({ connectionString: databaseUrl, max: POOL_SIZE });
    pool.on('error', () => {});
    const [api] = await Promise.all([start('api', ['api']), options.worker === false ? undefined : startWorker()]);
    return {
      folder: home,
      apiUrl: String(api.url),
      databaseUrl,
      temporalAddress,
      temporalCli: readInstance(home)?.temporalCli ?? '',
      pool,
      workUs: { from: 0, to: Number.POSITIVE_INFINITY },
      startWorker,
      stopWorker: () => stopChild('worker'),
      workerPeakMb: () => residentPeakMb(started.get('worker')?.pid ?? 0),
      workerMb: () => residentMb(started.get('worker')?.pid ?? 0),
      apiMb: () => residentMb(started.get('api')?.pid ?? 0),
      processor: () => processorOf(home, started, options.given?.processes ?? {}),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Start = (name: string, args: string[]) => Promise<Record<string, unknown>>;

async function startServices(
  start: Start,
  { given }: TemOptions,
): Promise<{ databaseUrl: string; temporalAddress: string }> {
  if (!given) {
    const ready = await start('services', ['services']);
    return { databaseUrl: String(ready.databaseUrl), temporalAddress: String(ready.temporalAddress) };
  }
  await migrate(given.databaseUrl, () => {});
  return given;
}

function environmentOf(context: BenchContext, home: string, { environment, given }: TemOptions): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(TEM_|TEMPORAL_|DATABASE_URL$)/.test(name));
  return {
    ...CHILD_DEFAULTS,
    ...Object.fromEntries(inherited),
    TEM_HOME: home,
    TEM_PORT: '0',
    TEM_POSTGRES_PORT: '0',
    TEM_TEMPORAL_PORT: '0',
    TEM_TEMPORAL_UI_PORT: '0',
    TEM_ADMIN_KEY: ADMIN_KEY,
    TEM_EVENT_TYPES: EVENT_TYPES,
    TEM_OUTBOUND_ALLOW: '127.0.0.1',
    // What is left over at the end of a case is thrown away.
    TEM_GRACE: '2s',
    ...(given && { DATABASE_URL: given.databaseUrl, TEMPORAL_ADDRESS: given.temporalAddress }),
    ...context.environment,
    ...environment,
  };
}

function workerArguments(context: BenchContext, home: string, { workerPreload }: TemOptions): string[] {
  return [
    ...(context.profile ? ['--cpu-prof', `--cpu-prof-dir=${join(home, 'profile')}`] : []),
    ...(workerPreload ? ['--import', workerPreload.href] : []),
  ];
}

function processorOf(home: string, started: Map<string, Child>, given: Record<string, number>): Record<string, number> {
  const services = Object.entries(readInstance(home)?.processes ?? {}).map(([name, { pid }]) => [name, pid] as const);
  const programs = [...started].filter(([name]) => name !== 'services').map(([name, { pid }]) => [name, pid] as const);
  const pids = [...programs, ...services, ...Object.entries(given)];
  return Object.fromEntries(pids.map(([name, pid]) => [name, processorMs(pid)]));
}
