// Finds a `temporal` program: on PATH, in TEM's cache, by the SDK's own download, or built from source with Go. Nothing
// is fetched or built twice, also not by two processes at once, and without internet the download gives up in seconds.

import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError } from '../config.ts';
import { makeFolder } from '../core/folder.ts';
import { takeLock } from './lock.ts';
import { type Say, withProgress } from './progress.ts';

const CLI_MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const DOWNLOAD_BEGINS_WITHIN_MS = 10_000;
const DOWNLOAD_STALLS_AFTER_MS = 20_000;
const BUILD_TIMEOUT_MS = 30 * 60_000;
const LOCK_POLL_MS = 500;
const POLL_MS = 200;
const VERSION_TIMEOUT_MS = 10_000;
const PROGRAM = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

export interface TemporalBinaryOptions {
  /** TEM's folder in the user's cache. */
  cacheFolder: string;
  say: Say;
  /** Ends a download or a build. */
  signal: AbortSignal;
}

/** The path of a `temporal` program that runs. Throws a ConfigError that says what was tried. */
export async function findTemporalBinary(options: TemporalBinaryOptions): Promise<string> {
  const known = (await onPath()) ?? (await cached(options.cacheFolder));
  if (known) return known;
  makeFolder(options.cacheFolder);
  const release = await takeCacheLock(options);
  try {
    return (await cached(options.cacheFolder)) ?? (await download(options)) ?? (await build(options));
  } finally {
    release();
  }
}

function takeCacheLock({ cacheFolder, say, signal }: TemporalBinaryOptions): Promise<() => void> {
  const path = join(cacheFolder, 'temporal.lock');
  return withProgress(
    say,
    'Getting a Temporal server',
    () => 'waiting for another process that gets it',
    async () => {
      for (;;) {
        const lock = takeLock(path);
        if (lock.taken) return lock.release;
        await delay(LOCK_POLL_MS, undefined, { signal });
      }
    },
  );
}

async function onPath(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'command -v temporal']);
    const path = stdout.trim();
    return path !== '' && (await runs(path)) ? path : undefined;
  } catch {
    return undefined;
  }
}

async function cached(cacheFolder: string): Promise<string | undefined> {
  const built = join(cacheFolder, PROGRAM);
  const downloaded = existsSync(cacheFolder)
    ? readdirSync(cacheFolder)
        .filter((name) => /^temporal-cli-.*[\d.](\.exe)?$/.test(name))
        .map((name) => join(cacheFolder, name))
    : [];
  for (const path of [...downloaded, built]) {
    if (existsSync(path) && (await runs(path))) return path;
  }
  return undefined;
}

async function runs(path: string): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    return /temporal version/i.test(stdout);
  } catch {
    return false;
  }
}

async function download(options: TemporalBinaryOptions): Promise<string | undefined> {
  options.say('Getting a Temporal server: asking temporal.download');
  // Left by a download that was killed; the SDK would wait for it for ever.
  for (const name of readdirSync(options.cacheFolder)) {
    if (name.endsWith('.downloading')) rmSync(join(options.cacheFolder, name), { force: true });
  }
  const extension = import.meta.url.slice(-'.ts'.length);
  const script = fileURLToPath(new URL(`./temporal-download${extension}`, import.meta.url));
  const loader = extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];
  const child = spawn(process.execPath, [...loader, script, options.cacheFolder], { stdio: 'ignore' });
  let ended: 'done' | 'failed' | undefined;
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', (code) => {
      ended = code === 0 ? 'done' : 'failed';
      resolve();
    });
  });
  let size = 0;
  let lastGrowthAtMs = performance.now();
  await withProgress(
    options.say,
    'Downloading the Temporal server',
    () => (size === 0 ? 'waiting for temporal.download to answer' : `${(size / 1e6).toFixed(0)} MB so far`),
    async () => {
      while (!ended) {
        await Promise.race([exited, delay(POLL_MS)]);
        const now = bytesIn(options.cacheFolder);
        if (now > size) {
          size = now;
          lastGrowthAtMs = performance.now();
        }
        const patienceMs = size === 0 ? DOWNLOAD_BEGINS_WITHIN_MS : DOWNLOAD_STALLS_AFTER_MS;
        if (!ended && (options.signal.aborted || performance.now() - lastGrowthAtMs > patienceMs)) {
          child.kill('SIGKILL');
          await exited;
        }
      }
    },
  );
  options.signal.throwIfAborted();
  return cached(options.cacheFolder);
}

function bytesIn(folder: string): number {
  return readdirSync(folder)
    .filter((name) => name.startsWith('temporal-cli-'))
    .reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

async function build(options: TemporalBinaryOptions): Promise<string> {
  // Left by builds that were killed; whoever has the lock is the only one that builds.
  for (const name of readdirSync(options.cacheFolder)) {
    if (name.startsWith('build-')) rmSync(join(options.cacheFolder, name), { recursive: true, force: true });
  }
  const folder = join(options.cacheFolder, `build-${process.pid}`);
  options.say('Building the Temporal server from source with Go: about 3 minutes on 2 cores, once');
  let waitsFor = 'waiting for Go to fetch and compile the sources';
  try {
    await withProgress(
      options.say,
      'Building the Temporal server',
      () => waitsFor,
      () =>
        goInstall(folder, options.signal, (line) => {
          waitsFor = /^go: downloading/.test(line)
            ? `waiting for Go to fetch ${line.slice(16)}`
            : `waiting for Go to compile ${line}`;
        }),
    );
    const path = join(options.cacheFolder, PROGRAM);
    renameSync(join(folder, PROGRAM), path);
    if (!(await runs(path))) throw new Error(`${path} doesn't run`);
    return path;
  } catch (error) {
    options.signal.throwIfAborted();
    throw new ConfigError(
      `no Temporal server: TEMPORAL_ADDRESS is not set, there is no 'temporal' on PATH, temporal.download doesn't answer, and building it failed (${(error as Error).message}); set TEMPORAL_ADDRESS, put the Temporal CLI on PATH, or install Go`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function goInstall(folder: string, signal: AbortSignal, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', ['install', '-v', '-ldflags=-s -w', CLI_MODULE], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own, because its compilers must end with it.
      detached: true,
    });
    const stop = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    const timer = setTimeout(stop, BUILD_TIMEOUT_MS);
    signal.addEventListener('abort', stop, { once: true });
    child.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    });
    let last = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      last = chunk.trim().split('\n').at(-1) ?? last;
      onLine(last);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new Error('Go is not installed') : error);
    });
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`go install ended with ${signal ?? `exit code ${code}`}: ${last}`));
    });
  });
}
