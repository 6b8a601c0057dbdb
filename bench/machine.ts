// What the figures were measured on: processors, memory, versions. Nothing that names a machine or its folders.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, homedir, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { preparePostgresPlace } from '../src/services/postgres-place.ts';
import { findTemporalBinary } from '../src/services/temporal-binary.ts';

export interface Machine {
  processors: string;
  memoryGb: number;
  system: string;
}

export type Versions = Record<string, string>;

export function machine(): Machine {
  const [first] = cpus();
  return {
    processors: `${cpus().length} x ${first?.model.trim() ?? 'unknown'}`,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${platform()} ${release().replace(/[^\d.].*$/, '')} ${arch()}`,
  };
}

/** The load of the last minute: above what the bench makes itself, others were at work. */
export function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

const LOOP_ADDITIONS = 300_000_000;

/**
 * Milliseconds that a fixed loop takes on one processor now, best of three: what a virtual machine's processors give differs
 * by machine and by hour, and their name doesn't say so.
 */
export function loopMs(): number {
  return Math.round(Math.min(...Array.from({ length: 3 }, oneLoopMs)));
}

function oneLoopMs(): number {
  const startedAt = performance.now();
  let sum = 0;
  for (let index = 0; index < LOOP_ADDITIONS; index++) sum = (sum + index) | 0;
  const tookMs = performance.now() - startedAt;
  // Uses the sum, so that the loop isn't left out.
  return sum === 0.5 ? Number.NaN : tookMs;
}

/** Versions of everything that is measured. `folder` may be written to. */
export async function versions(folder: string): Promise<Versions> {
  const { signal } = new AbortController();
  const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tem');
  const [temporal, place] = await Promise.all([
    findTemporalBinary({ cacheFolder, say: () => {}, signal }),
    preparePostgresPlace(folder, undefined),
  ]);
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const sdk = new URL('../node_modules/@temporalio/worker/package.json', import.meta.url);
  const lines = {
    tem: `${version}, commit ${await commit()}`,
    node: process.versions.node,
    'temporal CLI and server': (await output(temporal, ['--version'])).replace(/^temporal version /, ''),
    'Temporal SDK': (JSON.parse(readFileSync(sdk, 'utf8')) as { version: string }).version,
    postgres: (await output(place.postgres, ['--version'])).replace(/^postgres \(PostgreSQL\) /, ''),
  };
  return lines;
}

async function commit(): Promise<string> {
  try {
    const cwd = new URL('../', import.meta.url);
    const { stdout: hash } = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'], { cwd });
    const { stdout: changes } = await promisify(execFile)('git', ['status', '--porcelain', '--', 'src', 'migrations'], {
      cwd,
    });
    return hash.trim() + (changes.trim() === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}

async function output(command: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args);
  return stdout.trim();
}
