// A Postgres whose disk is small enough to be filled. Its data lies on a tmpfs of a few hundred MB in a mount namespace
// of its own, which root may make, and elsewhere ordinary users too (user namespaces). Where neither is allowed, a
// trigger raises what Postgres raises then, and the test says that it ran on that.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pool } from 'pg';
import { onTestFinished } from 'vitest';
import { migrate } from '../../src/core/ledger/migrate.ts';
import { createPool } from '../../src/core/ledger/pool.ts';
import { createDatabase } from './database.ts';
import { childEnvironment } from './processes.ts';

const TEM = fileURLToPath(new URL('../../bin/tem', import.meta.url));
const DISK_MB = 200;
const FILLER = 'filler';
const PREPARE = `mount -t tmpfs -o size=${DISK_MB}m,mode=0711 tmpfs "$1" && shift && exec "$@"`;

export interface SmallDisk {
  databaseUrl: string;
  pool: Pool;
  /** Whether a disk was really full, or only Postgres's error for it was raised. */
  real: boolean;
  fill(): Promise<void>;
  free(): Promise<void>;
}

export async function postgresOnSmallDisk(): Promise<SmallDisk> {
  const namespaces = process.getuid?.() === 0 ? ['-m'] : ['-U', '-m', '--map-current-user', '--keep-caps'];
  const folder = mkdtempSync(join(tmpdir(), 'tem-disk-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const allowed = spawnSync('unshare', [...namespaces, 'sh', '-c', PREPARE, 'sh', folder, 'true']).status === 0;
  return allowed ? realDisk(namespaces, folder) : pretendedDisk();
}

async function realDisk(namespaces: string[], folder: string): Promise<SmallDisk> {
  const child = spawn(
    'unshare',
    [...namespaces, 'sh', '-c', PREPARE, 'sh', folder, process.execPath, TEM, 'services', '--json'],
    {
      // An address is given, so that only Postgres starts.
      env: childEnvironment({ TEM_HOME: folder, TEM_POSTGRES_PORT: '0', TEMPORAL_ADDRESS: '127.0.0.1:1' }),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  onTestFinished(() => ended(child));
  const { databaseUrl } = JSON.parse(await firstLine(child)) as { databaseUrl: string };
  await migrate(databaseUrl, () => {});
  const pool = createPool(databaseUrl, { max: 10, applicationName: 'tem test', forHandlers: true });
  onTestFinished(() => pool.end());
  // The same files, seen from outside of the namespace.
  const inside = join(`/proc/${child.pid}/root`, folder);
  return {
    databaseUrl,
    pool,
    real: true,
    async fill() {
      fillUp(join(inside, FILLER));
    },
    async free() {
      rmSync(join(inside, FILLER));
    },
  };
}

/** Takes every block that is left. */
function fillUp(path: string): void {
  const file = openSync(path, 'w');
  for (const chunk of [Buffer.alloc(1_048_576), Buffer.alloc(4_096)]) {
    try {
      for (;;) writeSync(file, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(file);
}

async function pretendedDisk(): Promise<SmallDisk> {
  const { databaseUrl, pool } = await createDatabase();
  await pool.query(`
    create function disk_is_full() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$`);
  return {
    databaseUrl,
    pool,
    real: false,
    fill: async () =>
      void (await pool.query(
        'create trigger full_disk before insert or update on tem.event for each statement execute function disk_is_full()',
      )),
    free: async () => void (await pool.query('drop trigger full_disk on tem.event')),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await exited;
}

async function firstLine(child: ChildProcess): Promise<string> {
  let written = '';
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  for await (const chunk of child.stdout ?? []) {
    written += chunk;
    if (written.includes('\n')) {
      child.stdout?.resume();
      return written.slice(0, written.indexOf('\n'));
    }
  }
  throw new Error(`tem services ended before it was ready: ${errors}`);
}
