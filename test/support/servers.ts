// A Postgres and a Temporal of a test's own, which it may kill, empty and start again on the same address.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Pool } from 'pg';
import { inject, onTestFinished } from 'vitest';
import { migrate } from '../../src/core/ledger/migrate.ts';
import { createPool } from '../../src/core/ledger/pool.ts';
import { startPostgres } from '../../src/services/postgres.ts';
import { startTemporal } from '../../src/services/temporal.ts';

/** Other binaries than TEM's own: npm run test:postgres. */
export const POSTGRES_BIN = process.env.TEM_POSTGRES_BIN;
const POOL_SIZE = 10;
const quiet = { say: () => {}, signal: new AbortController().signal };

export interface OwnPostgres {
  databaseUrl: string;
  pool: Pool;
  /** SIGKILL to the postmaster and every process of it, as when the machine dies; resolves when they are gone. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
}

export async function ownPostgres(): Promise<OwnPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'tem postgres '));
  const first = await startPostgres({ home, binFolder: POSTGRES_BIN, port: 0, ...quiet });
  let server: typeof first | undefined = first;
  await migrate(first.databaseUrl, () => {});
  const pool = createPool(first.databaseUrl, { max: POOL_SIZE, applicationName: 'tem test', forHandlers: true });
  onTestFinished(async () => {
    await pool.end();
    await server?.stop();
    rmSync(home, { recursive: true, force: true });
  });
  return {
    databaseUrl: first.databaseUrl,
    pool,
    async kill() {
      const killed = server;
      server = undefined;
      if (!killed) return;
      for (const pid of [killed.identity.pid, ...childrenOf(killed.identity.pid)]) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended by itself meanwhile.
        }
      }
      await killed.exited;
    },
    async start() {
      server = await startPostgres({ home, binFolder: POSTGRES_BIN, port: first.port, portIsFixed: true, ...quiet });
    },
  };
}

export interface OwnTemporal {
  address: string;
  namespace: string;
  client: Client;
  kill(): Promise<void>;
  /** Starts it again on the same address; without its database it comes back empty. */
  start(): Promise<void>;
  loseDatabase(): void;
}

export async function ownTemporal(): Promise<OwnTemporal> {
  const home = mkdtempSync(join(tmpdir(), 'tem temporal '));
  const options = { home, binary: inject('temporalCli'), namespace: 'default', ...quiet };
  const first = await startTemporal({ ...options, port: 0, uiPort: 0 });
  let server: typeof first | undefined = first;
  const connection = await Connection.connect({ address: first.address });
  onTestFinished(async () => {
    await connection.close();
    await server?.stop();
    rmSync(home, { recursive: true, force: true });
  });
  return {
    address: first.address,
    namespace: options.namespace,
    client: new Client({ connection, namespace: options.namespace }),
    async kill() {
      const killed = server;
      server = undefined;
      if (!killed) return;
      process.kill(killed.identity.pid, 'SIGKILL');
      await killed.exited;
    },
    async start() {
      server = await startTemporal({ ...options, port: first.port, uiPort: first.uiPort, portIsFixed: true });
    },
    loseDatabase() {
      for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${first.dbFile}${suffix}`, { force: true });
    },
  };
}

function childrenOf(parent: number): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent)
    .map(([pid]) => pid as number);
}
