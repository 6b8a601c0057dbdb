// Brings a database's `tem` schema to what this code expects. Calls at the same time wait for each other; a database
// that is newer than the code is refused in words and never touched.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';
import { ConfigError } from '../../settings.ts';
import { sessionConfig, sessionSettings } from './session.ts';

export interface MigrationState {
  applied: string[];
  /** In the code, not in the database yet. */
  missing: string[];
  /** In the database, unknown to this code: it is older than the database. */
  newer: string[];
}

const TABLE = 'migration';
const SCHEMA = 'tem';
/** The oldest Postgres that the ledger runs on, by major version. */
export const POSTGRES_MAJOR_MIN = 14;
const CONNECT_TIMEOUT_MS = 10_000;
/** An index on a large table takes as long as it takes. */
const NO_LIMIT = 0;
// Any number that no other program takes; node-pg-migrate's own is shared by all its users.
const LOCK_NUMBER = 8_432_117_003;
const TURN_POLL_MS = 200;
/** The first line of a file that runs outside of a transaction. */
const OUTSIDE = /^-- outside of a transaction\b/i;
const MISSING_TABLE = '42P01';

/** By `server_version_num`, such as 140023. */
export function isTooOld(serverVersion: number): boolean {
  return serverVersion < POSTGRES_MAJOR_MIN * 10_000;
}

/**
 * Applies what is missing, in one transaction but for files that say otherwise; resolves to the names applied, often none.
 * `say` gets one line. Throws a ConfigError for a database that is newer than the code or older than Postgres 14, else the
 * database's error.
 */
export async function migrate(
  databaseUrl: string,
  say: (line: string) => void,
  folder = migrationsFolder(),
): Promise<string[]> {
  const session = { applicationName: 'tem migrate', statementTimeoutMs: NO_LIMIT };
  const { Client, ...config } = sessionConfig(databaseUrl, session.applicationName, sessionSettings(session));
  const client = new Client({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    const { rows } = await client.query<{ number: number; version: string }>(
      `select current_setting('server_version_num')::integer as number, current_setting('server_version') as version`,
    );
    if (isTooOld(rows[0]?.number ?? 0)) {
      throw new ConfigError(`the database is Postgres ${rows[0]?.version}; TEM needs ${POSTGRES_MAJOR_MIN} or later`);
    }
    await takeTurn(client);
    const { newer } = await migrationState(client, folder);
    if (newer.length > 0) throw new ConfigError(newerMessage(newer));
    const names = await applyMissing(client, folder);
    say(names.length === 0 ? 'The ledger is up to date' : `The ledger was migrated: ${names.join(', ')}`);
    return names;
  } finally {
    await client.end();
  }
}

/**
 * One caller at a time, until its session ends. Asked for again and again: whoever waits inside of a statement would hold up
 * an index that is built concurrently.
 */
async function takeTurn(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [LOCK_NUMBER]);
    if (rows[0]?.taken) return;
    await pause(TURN_POLL_MS);
  }
}

async function applyMissing(client: pg.Client, folder: string): Promise<string[]> {
  const applied: string[] = [];
  for (;;) {
    const { missing } = await migrationState(client, folder);
    const alone = missing.findIndex((name) => OUTSIDE.test(readFileSync(join(folder, `${name}.sql`), 'utf8')));
    const together = alone === -1 ? missing.length : alone;
    if (together > 0) {
      const done = await runner({
        dbClient: client,
        dir: folder,
        direction: 'up',
        count: together,
        migrationsSchema: SCHEMA,
        createMigrationsSchema: true,
        migrationsTable: TABLE,
        noLock: true,
        logger: { debug() {}, info() {}, warn() {}, error() {} },
      });
      applied.push(...done.map(({ name }) => name));
    }
    if (alone === -1) return applied;
    applied.push(await applyOutside(client, folder, missing[alone] as string));
  }
}

/**
 * Applies a file whose first line says that it runs outside of a transaction, statement by statement. It is written down
 * when all of them have run: what was broken off is repeated whole, so its statements must bear that
 * (`drop index concurrently if exists` before `create index concurrently`).
 */
async function applyOutside(client: pg.Client, folder: string, name: string): Promise<string> {
  const text = readFileSync(join(folder, `${name}.sql`), 'utf8').replace(/^--.*$/gm, '');
  for (const statement of text.split(/;\s*$/m).filter((each) => each.trim() !== '')) await client.query(statement);
  await client.query(`insert into ${SCHEMA}.${TABLE} (name, run_on) values ($1, now())`, [name]);
  return name;
}

/** Compares a database with the migrations that this code brings; changes nothing. */
export async function migrationState(
  client: pg.Client | pg.Pool | pg.PoolClient,
  folder = migrationsFolder(),
): Promise<MigrationState> {
  const known = migrationNames(folder);
  const applied = await client
    .query<{ name: string }>(`select name from ${SCHEMA}.${TABLE} order by id`)
    .then<string[], string[]>(
      ({ rows }) => rows.map(({ name }) => name),
      (error: { code?: string }) => {
        if (error.code === MISSING_TABLE) return [] as string[];
        throw error;
      },
    );
  return {
    applied,
    missing: known.filter((name) => !applied.includes(name)),
    newer: applied.filter((name) => !known.includes(name)),
  };
}

/** What a person reads when a newer release of TEM has migrated the database. */
export function newerMessage(newer: string[]): string {
  return `the database is newer than this TEM (it has ${newer.join(', ')}): start the newer release`;
}

function migrationNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4))
    .sort();
}

/** `migrations` stands beside `src` in a clone and beside `dist` in the package. */
function migrationsFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'migrations');
    if (existsSync(candidate) && readdirSync(candidate).some((file) => file.endsWith('.sql'))) return candidate;
  }
  throw new Error('the migrations folder is not beside the code');
}
