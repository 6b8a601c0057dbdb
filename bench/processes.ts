// Processes of the benchmarks: `tem` and the bench's own load programs, each with an IPC channel that ends it when the
// bench dies, ended by pid, and measured by what the kernel says of them.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TEM = fileURLToPath(new URL('../bin/tem', import.meta.url));
const STOP_GRACE_MS = 20_000;
// The kernel counts processor time in ticks of 1/100 s on every Linux that Node runs on.
const TICK_MS = 10;

export interface Child {
  pid: number;
  /** What it said when it became ready; rejects when it ends first. */
  ready: Promise<Record<string, unknown>>;
  /** What a load program found out; rejects when it ends without. */
  result: Promise<Record<string, unknown>>;
  send(message: Record<string, unknown>): void;
  exited: Promise<void>;
  /** SIGTERM, then SIGKILL; resolves when it has ended. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  environment: NodeJS.ProcessEnv;
  logPath: string;
  /** Arguments of Node itself. */
  nodeArguments?: string[];
  /** Another `tem` than that of the sources. */
  program?: string | undefined;
}

/** Starts `tem` with arguments from the repository's root. */
export function startTemChild(args: string[], options: ChildOptions): Child {
  return watch(`tem ${args.join(' ')}`, [...(options.nodeArguments ?? []), options.program ?? TEM, ...args], options);
}

/** Starts a program of the bench, which gets its input as JSON (see runAsChild). */
export function startProgram(program: URL, input: Record<string, unknown>, logPath: string): Child {
  const path = fileURLToPath(program);
  const args = ['--import', import.meta.resolve('tsx'), path, JSON.stringify(input)];
  return watch(path.slice(ROOT.length), args, { environment: process.env, logPath });
}

function watch(name: string, args: string[], { environment, logPath }: ChildOptions): Child {
  const log = openSync(logPath, 'a', 0o600);
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd: ROOT,
    env: environment,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const said = (what: string): Promise<Record<string, unknown>> => {
    const promise = new Promise<Record<string, unknown>>((resolve, reject) => {
      child.on('message', (message: Record<string, unknown>) => {
        if (message[what]) resolve(message);
      });
      void exited.then(() => reject(new Error(`${name} ended before its ${what}: ${logTail(logPath)}`)));
    });
    promise.catch(() => {});
    return promise;
  };
  return {
    pid: child.pid ?? 0,
    ready: said('ready'),
    result: said('result'),
    send: (message) => void child.send(message),
    exited,
    async stop() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await exited;
      clearTimeout(force);
    },
  };
}

function logTail(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}

const endedWithBench = new Map<number, NodeJS.Signals>();
process.once('exit', () => {
  for (const [pid, signal] of endedWithBench) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself.
    }
  }
});

/** For processes without a channel: they get the signal when the bench ends before the returned function was called. */
export function endWithBench(pid: number, signal: NodeJS.Signals): () => void {
  endedWithBench.set(pid, signal);
  return () => void endedWithBench.delete(pid);
}

/** Processor time of a process with its children, ended and living, in milliseconds; 0 where the kernel doesn't say. */
export function processorMs(pid: number): number {
  const own = statOf(pid);
  if (!own) return 0;
  // Postgres serves each connection with a child of its own.
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)));
  const living = children.filter((each) => each?.parent === pid).reduce((sum, each) => sum + (each?.ticks ?? 0), 0);
  return (own.ticks + own.endedChildrenTicks + living) * TICK_MS;
}

function statOf(pid: number): { parent: number; ticks: number; endedChildrenTicks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name is in parentheses and may hold anything; the fields after it are plain.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const field = (index: number): number => fields[index] ?? 0;
    return { parent: field(1), ticks: field(11) + field(12), endedChildrenTicks: field(13) + field(14) };
  } catch {
    return undefined;
  }
}

/** The most memory that a process has had resident since its start, in MB; NaN where the kernel doesn't say. */
export function residentPeakMb(pid: number): number {
  return statusMb(pid, 'VmHWM');
}

/** What it has resident now, in the same way. */
export function residentMb(pid: number): number {
  return statusMb(pid, 'VmRSS');
}

function statusMb(pid: number, name: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_000;
  } catch {
    return Number.NaN;
  }
}
