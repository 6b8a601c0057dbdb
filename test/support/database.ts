// A database of its own for each test or file, copied from the migrated template and dropped afterwards.

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { createPool } from '../../src/core/ledger/pool.ts';
import { atEnd } from './at-end.ts';

export interface TestDatabase {
  databaseUrl: string;
  /** Closed when the test (or, made outside of a test, the file) has ended. */
  pool: pg.Pool;
}

const POOL_SIZE = 10;

/** Makes a migrated, empty ledger. Inside a test it lives as long as the test, else as long as the file. */
export async function createDatabase(options: { migrated?: boolean } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = new URL(inject('templateUrl'));
  const templateName = options.migrated === false ? 'template0' : template.pathname.slice(1);
  await asAdministrator((client) => client.query(`create database ${name} template ${templateName}`));
  const url = new URL(template);
  url.pathname = `/${name}`;
  if (options.migrated !== false) await giveOwnId(url.href);
  const pool = createPool(url.href, { max: POOL_SIZE, applicationName: 'tem test', forHandlers: true });
  atEnd(async () => {
    await pool.end();
    await asAdministrator((client) => client.query(`drop database if exists ${name} with (force)`));
  });
  return { databaseUrl: url.href, pool };
}

async function asAdministrator(use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const url = new URL(inject('templateUrl'));
  url.pathname = '/postgres';
  await withClient(url.href, use);
}

/** A copy must not pass for its template: workers and doctor tell ledgers apart by this id. */
async function giveOwnId(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) => client.query('update tem.ledger set id = gen_random_uuid()'));
}

async function withClient(databaseUrl: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
