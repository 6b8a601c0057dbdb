// The processes that TEM starts, known by pid and start time: a pid alone may belong to somebody else after a crash or
// a reboot, and only processes that are surely ours are ever stopped.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessIdentity {
  pid: number;
  /** Opaque; differs between two processes that had the same pid. */
  startedAt: string;
}

export interface ServiceCommand {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string | undefined>;
  user?: { uid: number; gid: number } | undefined;
  cwd?: string;
  /** stdout and stderr are appended there; a pipe would break when the supervisor dies. */
  logPath: string;
  stopSignal: NodeJS.Signals;
  /** How long it may take to stop before it is killed; 30 s by default. */
  stopGraceMs?: number;
  /** Opens an IPC channel: the process ends when this one does, and its messages come here. */
  onMessage?: (message: unknown) => void;
}

export interface ServiceProcess {
  identity: ProcessIdentity;
  /** Where in its log, in bytes, what it writes itself begins. */
  logFrom: number;
  /** Resolves when the process has ended, to what ended it, such as `exit code 1` or `SIGKILL`. */
  exited: Promise<string>;
  hasExited(): boolean;
  stop(): Promise<void>;
}

const STOP_GRACE_MS = 30_000;
const STOP_POLL_MS = 20;
const LOG_SIZE_MAX_BYTES = 10_000_000;
const LOG_TAIL_LINES = 4;

/** Who runs under this pid now; undefined when nobody does or only a zombie is left. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The command's name is in parentheses and may hold anything; the fields after it are plain.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      return { pid, startedAt: `${boot}/${fields[19]}` };
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : { pid, startedAt: started };
  } catch {
    return undefined;
  }
}

/** Whether that very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

/** The command line of a process, for a check that it is what a pid file claims; undefined when it can't be read. */
export function commandLine(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/** Asks a process to stop and waits until it has; after the grace time it is killed. */
export async function stopProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  graceMs = STOP_GRACE_MS,
): Promise<void> {
  const killAt = performance.now() + graceMs;
  let sent: NodeJS.Signals | undefined;
  while (isAlive(identity)) {
    const wanted = performance.now() < killAt ? signal : 'SIGKILL';
    if (sent !== wanted) {
      sent = wanted;
      try {
        process.kill(identity.pid, wanted);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
        throw error;
      }
    }
    await delay(STOP_POLL_MS);
  }
}

/** Starts a service in a process group of its own, so that a Ctrl-C in the terminal reaches only the supervisor. */
export async function startProcess(service: ServiceCommand): Promise<ServiceProcess> {
  // What a service writes (data, logs) is for its owner only.
  const umask = process.umask(0o077);
  const log = openLog(service.logPath);
  const logFrom = fstatSync(log).size;
  const child = spawn(service.command, service.args, {
    detached: true,
    stdio: ['ignore', log, log, ...(service.onMessage ? (['ipc'] as const) : [])],
    ...(service.cwd && { cwd: service.cwd }),
    ...(service.env && { env: service.env as NodeJS.ProcessEnv }),
    ...(service.user && { uid: service.user.uid, gid: service.user.gid }),
  });
  process.umask(umask);
  closeSync(log);
  if (service.onMessage) child.on('message', service.onMessage);
  let ended = false;
  const exited = whenExited(child).finally(() => {
    ended = true;
  });
  if (child.pid === undefined) throw new Error(`${service.name} can't be started: ${await exited}`);
  // A process that is gone already has no start time; its exit says why.
  const identity = identify(child.pid) ?? { pid: child.pid, startedAt: 'gone' };
  return {
    identity,
    logFrom,
    exited,
    hasExited: () => ended,
    async stop() {
      if (!ended) await stopProcess(identity, service.stopSignal, service.stopGraceMs);
      await exited;
    },
  };
}

/** The last lines of a log after `from` bytes, on one line, for an error message. */
export function logTail(path: string, from: number): string {
  try {
    return logAfter(path, from)
      .trimEnd()
      .split('\n')
      .slice(-LOG_TAIL_LINES)
      .map((line) => line.trim())
      .join(' | ');
  } catch {
    return 'no log';
  }
}

/** What was written to a log after `from` bytes. */
export function logAfter(path: string, from: number): string {
  const log = readFileSync(path);
  // A log that has been rotated since is shorter than it was.
  return log.subarray(from > log.length ? 0 : from).toString('utf8');
}

function whenExited(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  try {
    if (statSync(path).size > LOG_SIZE_MAX_BYTES) renameSync(path, `${path}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return openSync(path, 'a', 0o600);
}
