// An index for each type that names a person, so that an erasure reads that person's events and no others. Only events of
// that type are in it: types that name nobody cost nothing.

import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { type SubjectType, subjectSql, subjectTypes } from './erasure.ts';

/** An index on a large table takes as long as it takes. */
const WITHOUT_END_MS = 2_147_483_647;
/** Of the type that migrations/0016 knows. */
const KNOWN: Record<string, string> = { 'notification/user': 'event_subject_notification' };

/** Makes what is missing, beside those who write; resolves to the names of what was made. */
export async function ensureSubjectIndexes(pool: Pool): Promise<string[]> {
  const made: string[] = [];
  for (const type of await subjectTypes(pool)) {
    const name = indexName(type);
    const { rows } = await pool.query<{ valid: boolean }>(
      `select i.indisvalid as valid from pg_catalog.pg_class c join pg_catalog.pg_index i on i.indexrelid = c.oid
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'tem' and c.relname = $1`,
      [name],
    );
    if (rows[0]?.valid) continue;
    await build(pool, name, type, rows.length > 0);
    made.push(name);
  }
  return made;
}

function indexName({ name, path }: SubjectType): string {
  const what = `${name}/${path.join('/')}`;
  return KNOWN[what] ?? `event_subject_${createHash('sha256').update(what).digest('hex').slice(0, 16)}`;
}

async function build(pool: Pool, name: string, type: SubjectType, isBroken: boolean): Promise<void> {
  const { subject, ofType } = subjectSql(type);
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    await client.query('set lock_timeout = 0');
    if (isBroken) await client.query(`drop index concurrently tem.${name}`);
    const text = `create index concurrently ${name} on tem.event ((${subject}), id) where ${ofType}`;
    await client.query({ text, query_timeout: WITHOUT_END_MS } as { text: string });
  } finally {
    // Its settings are its own.
    client.release(true);
  }
}
