// `tem api` and `tem worker` as children of `tem up`: real processes with the environment handed down and an IPC channel
// that ends them when the supervisor dies.

import { fileURLToPath } from 'node:url';
import { type Config, ConfigError } from '../config.ts';
import { logAfter, type ProcessIdentity, type ServiceProcess, startProcess, stopProcess } from './processes.ts';
import { type Say, withProgress } from './progress.ts';

export interface ChildOptions {
  /** The arguments of `tem`, such as ['worker']. */
  args: string[];
  env: NodeJS.ProcessEnv;
  logPath: string;
  /** How long it may take to stop before it is killed. */
  stopGraceMs: number;
  /** Called once it runs, long before it is ready. */
  onSpawn: (identity: ProcessIdentity) => void;
  say: Say;
  signal: AbortSignal;
}

export interface ChildProcessOfTem extends ServiceProcess {
  /** What the child said when it became ready: `url` of an API, `id` of a worker. */
  ready: Record<string, unknown>;
}

/**
 * What `tem up` sets for its children unless the environment does. glibc gives the threads of the native Temporal client
 * eight memory arenas for each processor; two take about 45 MB less in a worker under load, and no speed (measured).
 */
export const CHILD_DEFAULTS = { MALLOC_ARENA_MAX: '2' } as const;

const TEM = fileURLToPath(new URL('../../bin/tem', import.meta.url));
const EXIT_USAGE = 'exit code 2';
const WORKER_HANDS_BACK_WITHIN_MS = 20_000;

/** Starts a child and resolves when it is ready. Throws with its own words when it ends before. */
export async function startChild({
  args,
  env,
  logPath,
  stopGraceMs,
  onSpawn,
  say,
  signal,
}: ChildOptions): Promise<ChildProcessOfTem> {
  const name = `tem ${args.join(' ')}`;
  const { promise: ready, resolve } = deferred<Record<string, unknown>>();
  const child = await startProcess({
    name,
    command: process.execPath,
    args: [...process.execArgv, TEM, ...args],
    env,
    logPath,
    stopSignal: 'SIGTERM',
    stopGraceMs,
    onMessage: (message) => {
      if ((message as { ready?: boolean }).ready) resolve(message as Record<string, unknown>);
    },
  });
  onSpawn(child.identity);
  const aborted = new Promise<'aborted'>((resolveAborted) => {
    if (signal.aborted) resolveAborted('aborted');
    signal.addEventListener('abort', () => resolveAborted('aborted'), { once: true });
  });
  const first = await withProgress(
    say,
    `Starting ${name}`,
    () => `waiting for it to be ready, its log is ${logPath}`,
    () => Promise.race([ready, aborted, child.exited]),
  );
  if (typeof first === 'object') return { ...child, ready: first };
  if (first === 'aborted') {
    await child.stop();
    signal.throwIfAborted();
  }
  const words = lastWords(logPath, child.logFrom);
  throw first === EXIT_USAGE ? new ConfigError(words) : new Error(`${name} ended (${first}): ${words}`);
}

/** How long a worker with this grace time for attempts may take to stop: it hands back and closes after that. */
export function workerStopGraceMs({ worker }: Pick<Config, 'worker'>): number {
  return worker.graceMs + WORKER_HANDS_BACK_WITHIN_MS;
}

/** Ends a child that doesn't stop by itself. */
export async function killChild(child: ServiceProcess): Promise<void> {
  if (!child.hasExited()) await stopProcess(child.identity, 'SIGKILL');
}

/** The environment that makes a child use exactly this configuration. */
export function childEnvironment(
  config: Config,
  environment: NodeJS.ProcessEnv,
  temporalIsEmbedded: boolean,
): NodeJS.ProcessEnv {
  const inherited = temporalIsEmbedded
    ? // Credentials for another server would only confuse the embedded one.
      Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('TEMPORAL_')))
    : environment;
  return {
    ...CHILD_DEFAULTS,
    ...inherited,
    DATABASE_URL: config.databaseUrl,
    TEMPORAL_ADDRESS: config.temporal.address,
    TEMPORAL_NAMESPACE: config.temporal.namespace,
    TEM_HOME: config.home,
    TEM_ADMIN_KEY: config.adminKey,
    TEM_USER_TOKEN_SECRET: config.userTokenSecret,
    ...Object.fromEntries(Object.entries(config.secrets).map(([name, values]) => [name, values.join(' ')])),
  };
}

/** What a child wrote to its log after `from`: its own words, else its last lines. */
export function lastWords(logPath: string, from: number): string {
  const lines = logAfter(logPath, from).trim().split('\n');
  const own = lines.filter((line) => line.startsWith('tem: ')).map((line) => line.slice('tem: '.length));
  return (own.length > 0 ? own : lines.slice(-3)).join('\n');
}

function deferred<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((resolvePromise) => {
    resolve = resolvePromise;
  });
  return { promise, resolve };
}
