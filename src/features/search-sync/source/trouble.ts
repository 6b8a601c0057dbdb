// Whether Postgres takes what a mapping reads its documents with. Tables change after they were attached: a column that the
// condition names may be renamed, a table of the query dropped.

import pg from 'pg';
import { isUnavailable, readWithin } from '../../../core/ledger/pool.ts';
import type { Mapping } from '../mapping.ts';
import { idSql } from './identity.ts';
import { documentSql, sourceSql } from './read.ts';
import { quoted } from './table.ts';

const PLAN_WITHIN_MS = 30_000;

/** What Postgres says against it; undefined when it takes it. Planned only: nothing of it runs. */
export async function troubleOf(pool: pg.Pool, mapping: Mapping): Promise<string | undefined> {
  const table = quoted({ schema: mapping.schema, name: mapping.table });
  const documents = `select ${idSql(mapping.id, 'd')}, ${documentSql(mapping)} from ${sourceSql(mapping)}`;
  const condition = `select (${mapping.where}\n)::boolean from ${table} as ${pg.escapeIdentifier(mapping.table)}`;
  try {
    await readWithin(pool, PLAN_WITHIN_MS, async (client) => {
      for (const query of mapping.where === undefined ? [documents] : [documents, condition]) {
        // With parameters Postgres takes one statement only, so that nothing else hides in the text.
        await client.query(`explain ${query} where $1::int = 1`, [0]);
      }
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || isUnavailable(error)) throw error;
    return error.message;
  }
}
