// The migrated database of which every test's own is a copy: one for each content of the migrations, so that test runs of
// different sources can share a server.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrate } from '../../src/core/ledger/migrate.ts';

const MIGRATIONS = new URL('../../migrations/', import.meta.url);
// Any number: test runs that begin at the same time make the template one after another.
const LOCK_NUMBER = 8_432_117_004;

/** Makes it when it isn't there yet; resolves to its URL. `serverUrl` is any database of the server. */
export async function migratedTemplate(serverUrl: string): Promise<string> {
  const name = `template_${contentHash()}`;
  const unfinished = `${name}_unfinished`;
  const client = new pg.Client({ connectionString: urlOf(serverUrl, 'postgres') });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK_NUMBER]);
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) {
      await client.query(`drop database if exists ${unfinished} with (force)`);
      await client.query(`create database ${unfinished} template template0`);
      await migrate(urlOf(serverUrl, unfinished), () => {});
      await client.query(`alter database ${unfinished} rename to ${name}`);
    }
  } finally {
    await client.end();
  }
  return urlOf(serverUrl, name);
}

function urlOf(serverUrl: string, database: string): string {
  return Object.assign(new URL(serverUrl), { pathname: `/${database}` }).href;
}

function contentHash(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(fileURLToPath(MIGRATIONS)).sort()) {
    hash.update(name).update(readFileSync(new URL(name, MIGRATIONS)));
  }
  return hash.digest('hex').slice(0, 16);
}
