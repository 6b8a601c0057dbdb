// Checksums of documents as Postgres writes them, of a whole range or of each. A record that no document can be made of is
// told from one that isn't there.

import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Mapping } from '../mapping.ts';
import { idIn, idParameters, idSql, splitId } from '../source/identity.ts';
import { documentSql, isOfTheData, sourceSql } from '../source/read.ts';

export function digest(text: string): string {
  return text === '' ? '' : createHash('md5').update(text).digest('hex');
}

/** Line ends outside of strings are blanks in the index, as they were sent. */
function lineSql(mapping: Mapping): string {
  return `translate(${documentSql(mapping)}, E'\\r\\n', '  ')`;
}

/** One checksum over the records of these ids, in their order. */
export async function checksumOf(pool: pg.Pool, mapping: Mapping, ids: readonly string[]): Promise<string> {
  const parts = ids.map((id) => splitId(mapping.id, id) ?? []);
  const { rows } = await pool.query<{ checksum: string }>(
    `with read as (select ${idSql(mapping.id, 'd')} as id, md5(${lineSql(mapping)}) as digest from ${sourceSql(mapping)}
        where ${idIn(mapping.id, 'd', 1)})
      select md5(coalesce(string_agg(coalesce(r.digest, ''), '' order by w.n), '')) as checksum
      from unnest($${mapping.id.length + 1}::text[]) with ordinality as w(id, n) left join read r using (id)`,
    [...idParameters(mapping.id, parts), ids],
  );
  return rows[0]?.checksum ?? '';
}

export interface Digests {
  digests: Map<string, string>;
  /** Records that no document can be made of: their rows in the queue say why, and they are no difference. */
  unreadable: Set<string>;
}

export async function digestsOf(pool: pg.Pool, mapping: Mapping, ids: readonly string[]): Promise<Digests> {
  const found: Digests = { digests: new Map(), unreadable: new Set() };
  await addDigests(pool, mapping, ids, found);
  return found;
}

async function addDigests(pool: pg.Pool, mapping: Mapping, ids: readonly string[], found: Digests): Promise<void> {
  const parts = ids.flatMap((id) => {
    const split = splitId(mapping.id, id);
    return split ? [split] : [];
  });
  try {
    const { rows } = await pool.query<{ id: string; digest: string }>(
      `select ${idSql(mapping.id, 'd')} as id, md5(${lineSql(mapping)}) as digest from ${sourceSql(mapping)}
        where ${idIn(mapping.id, 'd', 1)}`,
      idParameters(mapping.id, parts),
    );
    for (const { id, digest: text } of rows) found.digests.set(id, text);
  } catch (error) {
    if (!isOfTheData(error)) throw error;
    // An id of the index that its column's type doesn't take belongs to no record, and so is no such row either.
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) {
      if (await isRecord(pool, mapping, only)) found.unreadable.add(only);
      return;
    }
    const middle = ids.length >> 1;
    await addDigests(pool, mapping, ids.slice(0, middle), found);
    await addDigests(pool, mapping, ids.slice(middle), found);
  }
}

/** Whether the table has a row of this id, whatever a condition or a query makes of it. */
async function isRecord(pool: pg.Pool, mapping: Mapping, id: string): Promise<boolean> {
  const parts = splitId(mapping.id, id);
  const { schema, table } = mapping;
  try {
    const { rowCount } = await pool.query(
      `select from ${sourceSql({ schema, table })} where ${idIn(mapping.id, 'd', 1)}`,
      idParameters(mapping.id, parts ? [parts] : []),
    );
    return rowCount !== 0;
  } catch (error) {
    if (isOfTheData(error)) return false;
    throw error;
  }
}
