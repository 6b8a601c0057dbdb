// Brings a database's `tem` schema to what this code expects. Calls at the same time wait for each other; a database
// that is newer than the code is refused in words and never touched.

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
const MISSING_TABLE = '42P01';

/** By `server_version_num`, such as 140023. */
export function isTooOld(serverVersion: number): boolean {
  return serverVersion < POSTGRES_MAJOR_MIN * 10_000;
}

/**
 * Applies what is missing, all of it in one transaction; resolves to the names applied, often none. `say` gets one line.
 * Throws a ConfigError for a database that is newer than the code or older than Postgres 14, else the database's error.
 */
export async function migrate(databaseUrl: string, say: (line: string) => void): Promise<string[]> {
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
    const { newer } = await migrationState(client);
    if (newer.length > 0) throw new ConfigError(newerMessage(newer));
    const done = await runner({
      dbClient: client,
      dir: migrationsFolder(),
      direction: 'up',
      migrationsSchema: SCHEMA,
      createMigrationsSchema: true,
      migrationsTable: TABLE,
      advisoryLockMode: 'wait',
      lockValue: LOCK_NUMBER,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    const names = done.map(({ name }) => name);
    say(names.length === 0 ? 'The ledger is up to date' : `The ledger was migrated: ${names.join(', ')}`);
    return names;
  } finally {
    await client.end();
  }
}

/** Compares a database with the migrations that this code brings; changes nothing. */
export async function migrationState(client: pg.Client | pg.Pool | pg.PoolClient): Promise<MigrationState> {
  const known = migrationNames();
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

function migrationNames(): string[] {
  return readdirSync(migrationsFolder())
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
