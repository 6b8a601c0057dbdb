// The embedded Postgres: real binaries, data under TEM_HOME that survives restarts, loopback only, a password of its
// own. It holds the ledger, so fsync and synchronous_commit stay on.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type pg from 'pg';
import { ConfigError } from '../config.ts';
import { sessionConfig, sessionSettings } from '../core/ledger/session.ts';
import { PortTaken, startOnFreePorts } from './ports.ts';
import { type PostgresPlace, preparePostgresPlace } from './postgres-place.ts';
import {
  commandLine,
  identify,
  logAfter,
  logTail,
  type ProcessIdentity,
  type ServiceProcess,
  startProcess,
  stopProcess,
} from './processes.ts';
import { type Say, withProgress } from './progress.ts';

export interface PostgresOptions {
  home: string;
  /** Where initdb and postgres are; undefined: those that TEM brings. */
  binFolder?: string | undefined;
  /** The next free one is taken when it is in use; 0 takes any. */
  port: number;
  /** After a crash the address that others were given must stay: then only this port will do. */
  portIsFixed?: boolean;
  /** Further settings, which come before TEM's own. */
  settings?: Record<string, string>;
  /** Called once the server runs, before it answers. */
  onSpawn?: (identity: ProcessIdentity) => void;
  say: Say;
  /** Gives up the start when it aborts. */
  signal: AbortSignal;
}

export interface EmbeddedPostgres extends ServiceProcess {
  port: number;
  databaseUrl: string;
}

const USER = 'owner';
const DATABASE = 'tem';
const MAINTENANCE_DATABASE = 'postgres';
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 25;
const CONNECT_TIMEOUT_MS = 2_000;
const PORT_TAKEN = /Address already in use/;
/** Written by the server itself; by its eighth line pg_ctl knows that it is ready, too. */
const PID_FILE = 'postmaster.pid';
const STATUS_LINE = 7;
const BUILTIN_LOCALES_FROM = 17;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // A socket's path may have 107 bytes at most, and TEM_HOME may be longer.
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: '256MB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  max_wal_size: '2GB',
  wal_buffers: '16MB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  // The queue's hot rows change all the time: dead ones must go early.
  autovacuum_naptime: '10s',
  autovacuum_vacuum_scale_factor: '0.05',
  autovacuum_analyze_scale_factor: '0.02',
  autovacuum_vacuum_cost_limit: 2000,
  log_min_messages: 'warning',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Starts Postgres on the data of TEM_HOME (made at the first start) and resolves once it answers. */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const place = await preparePostgresPlace(options.home, options.binFolder, options.say);
  const data = join(place.folder, 'data');
  const password = await ensureCluster(place, data, options.say);
  await stopLeftover(data, options.say);
  try {
    return await startOnFreePorts({ ports: [options.port], areFixed: options.portIsFixed ?? false }, ([port = 0]) =>
      launch(options, place, data, port, password),
    );
  } catch (error) {
    options.signal.throwIfAborted();
    throw new Error(`the embedded Postgres did not start: ${(error as Error).message}`);
  }
}

async function launch(
  options: PostgresOptions,
  place: PostgresPlace,
  data: string,
  port: number,
  password: string,
): Promise<EmbeddedPostgres> {
  const logPath = join(options.home, 'logs', 'postgres.log');
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const server = await startProcess({
    name: 'the embedded Postgres',
    command: place.postgres,
    args: ['-D', data, ...settings],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    user: place.user,
    cwd: place.folder,
    logPath,
    // Fast shutdown: sessions are ended, the data is checkpointed.
    stopSignal: 'SIGINT',
  });
  options.onSpawn?.(server.identity);
  // No TLS, said in the URL: else PGSSLMODE decides, for every program that is given it.
  const urlOf = (database: string): string =>
    `postgres://${USER}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
  try {
    await withProgress(
      options.say,
      'Starting Postgres',
      () => `waiting for it to answer on port ${port}`,
      () => untilReady(server, data, logPath, options.signal),
    );
    await ensureDatabase(urlOf(MAINTENANCE_DATABASE));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { ...server, port, databaseUrl: urlOf(DATABASE) };
}

async function ensureCluster(place: PostgresPlace, data: string, say: Say): Promise<string> {
  const passwordPath = join(place.folder, 'password');
  const versionPath = join(data, 'PG_VERSION');
  if (existsSync(versionPath) && existsSync(passwordPath)) {
    const version = readFileSync(versionPath, 'utf8').trim();
    if (version !== String(place.version)) {
      throw new ConfigError(
        `${data} was made by Postgres ${version}, and ${place.postgres} is Postgres ${place.version}: move it with pg_dump`,
      );
    }
    return readFileSync(passwordPath, 'utf8').trim();
  }
  // An initdb that was killed leaves a folder without a version, or without a password that anybody knows.
  if (existsSync(versionPath)) throw new ConfigError(`${passwordPath} is missing, so nobody can open ${data}`);
  rmSync(data, { recursive: true, force: true });
  const password = randomBytes(24).toString('hex');
  const draft = `${passwordPath}.new`;
  writeFileSync(draft, `${password}\n`, { mode: 0o600 });
  if (place.user) chownSync(draft, place.user.uid, place.user.gid);
  const partial = `${data}.new`;
  rmSync(partial, { recursive: true, force: true });
  await withProgress(
    say,
    'Preparing Postgres',
    () => 'waiting for initdb to make the data folder',
    async () => {
      try {
        await promisify(execFile)(
          place.initdb,
          [
            `--pgdata=${partial}`,
            `--username=${USER}`,
            `--pwfile=${draft}`,
            '--auth=scram-sha-256',
            '--encoding=UTF8',
            '--locale=C',
            ...(place.version >= BUILTIN_LOCALES_FROM ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []),
          ],
          { ...place.user, cwd: place.folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } },
        );
      } catch (error) {
        const { stderr, message } = error as Error & { stderr?: string };
        throw new Error(`initdb failed: ${(stderr || message).trim().split('\n').join(' | ')}`);
      }
    },
  );
  renameSync(draft, passwordPath);
  renameSync(partial, data);
  return password;
}

/** A server whose supervisor was killed still holds the data; its pid file says who it is. */
async function stopLeftover(data: string, say: Say): Promise<void> {
  const pidPath = join(data, PID_FILE);
  if (!existsSync(pidPath)) return;
  const pid = Number(readFileSync(pidPath, 'utf8').split('\n')[0]);
  const identity = identify(pid);
  if (!identity || !commandLine(pid)?.includes(`-D ${data}`)) return;
  say(`Stopping a Postgres (pid ${pid}) that an earlier start left behind`);
  await stopProcess(identity, 'SIGINT');
}

async function untilReady(server: ServiceProcess, data: string, logPath: string, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  while (!saysItIsReady(server, data)) {
    signal.throwIfAborted();
    if (server.hasExited()) {
      const how = await server.exited;
      if (PORT_TAKEN.test(logAfter(logPath, server.logFrom)))
        throw new PortTaken('its port is taken by another program');
      throw new Error(`${how}: ${logTail(logPath, server.logFrom)}`);
    }
    if (performance.now() > giveUpAt) throw new Error(`not ready after ${READY_TIMEOUT_MS / 1_000} s`);
    await delay(READY_POLL_MS);
  }
}

/** Who answers on the port may be somebody else's Postgres, which took it while this one was starting. */
function saysItIsReady(server: ServiceProcess, data: string): boolean {
  try {
    const lines = readFileSync(join(data, PID_FILE), 'utf8').split('\n');
    return Number(lines[0]) === server.identity.pid && lines[STATUS_LINE]?.trim() === 'ready';
  } catch {
    return false;
  }
}

async function ensureDatabase(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  });
}

async function withClient(databaseUrl: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const applicationName = 'tem services';
  const { Client, ...config } = sessionConfig(databaseUrl, applicationName, sessionSettings({ applicationName }));
  const client = new Client({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
