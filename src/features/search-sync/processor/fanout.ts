// From a changed row of a table that documents depend on to the records that are to be written anew: in slices of bounded
// size, each remembered, so that a category with 100,000 listings is no long statement and holds nobody up.

import pg from 'pg';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import type { Dependency, Mapping } from '../mapping.ts';
import { idColumns, idSql } from '../source/identity.ts';
import { quoted } from '../source/table.ts';
import { markDirty } from './dirty.ts';
import type { Troubles } from './troubles.ts';

const SLICE_RECORDS = 500;
/** Of one dependency at a time, so that many small changes share a statement. */
const VALUES_MAX = 200;
const DEPTH_MAX = 10;

interface FanoutRow {
  id: string;
  mappingId: string;
  dependency: number;
  value: string;
  cursor: string[] | null;
}

/** Works on the oldest changes; resolves to how many were looked at. */
export async function runFanout(pool: pg.Pool, mappings: readonly Mapping[], troubles: Troubles): Promise<number> {
  const readable = mappings.map(({ mappingId }) => mappingId);
  return inTransaction(pool, async (client) => {
    const rows = await claim(client, readable);
    const [first] = rows;
    const mapping = mappings.find(({ mappingId }) => mappingId === first?.mappingId);
    if (first && mapping) {
      await client.query('savepoint reading');
      const advanced = await troubles.reading(mapping, async () => {
        await advance(client, mapping, rows, first);
        return true;
      });
      if (!advanced) await client.query('rollback to savepoint reading');
    }
    return rows.length;
  });
}

/** Changes of one dependency: those not begun together, or one that was. */
async function claim(client: pg.PoolClient, mappingIds: readonly string[]): Promise<FanoutRow[]> {
  const { rows } = await client.query<FanoutRow>(
    `with first as (select f.* from tem.search_fanout f where f.mapping_id = any($2::bigint[])
        order by (f.cursor is not null), f.id limit 1 for update skip locked)
      select f.id::text, f.mapping_id::text as "mappingId", f.dependency, f.value, f.cursor from tem.search_fanout f, first
      where f.mapping_id = first.mapping_id and f.dependency = first.dependency
        and (f.id = first.id or f.cursor is null and first.cursor is null)
      order by f.id limit $1 for update of f skip locked`,
    [VALUES_MAX, mappingIds],
  );
  return rows;
}

async function advance(client: pg.PoolClient, mapping: Mapping, rows: FanoutRow[], first: FanoutRow): Promise<void> {
  const values = [...new Set(rows.map(({ value }) => value))];
  const dependency = mapping.dependencies[first.dependency];
  const found = dependency ? await slice(client, mapping, dependency, values, first.cursor) : [];
  const records = found.flatMap(({ id: recordId }) =>
    mapping.indices.map(({ id: indexId }) => ({ indexId, recordId })),
  );
  if (records.length > 0) await markDirty(client, records);
  if (found.length < SLICE_RECORDS) return forget(client, rows);
  if (rows.length === 1) {
    await client.query('update tem.search_fanout set cursor = $2 where id = $1', [first.id, found.at(-1)?.parts ?? []]);
    return;
  }
  // Too many for one slice together: each goes on alone, from its beginning.
  await client.query(`update tem.search_fanout set cursor = '{}' where id = any($1::bigint[])`, [
    rows.map(({ id }) => id),
  ]);
}

async function forget(client: pg.PoolClient, rows: readonly FanoutRow[]): Promise<void> {
  await client.query('delete from tem.search_fanout where id = any($1::bigint[])', [rows.map(({ id }) => id)]);
}

async function slice(
  client: pg.PoolClient,
  mapping: Mapping,
  dependency: Dependency,
  values: readonly string[],
  cursor: readonly string[] | null,
): Promise<{ id: string; parts: string[] }[]> {
  const root = quoted({ schema: mapping.schema, name: mapping.table });
  const order = idColumns(mapping.id, 'r');
  const after = cursor && cursor.length > 0 ? cursor : undefined;
  const bound = mapping.id.map(({ type }, index) => `$${index + 3}::text::${type}`).join(', ');
  const texts = mapping.id.map(({ column }) => `r.${pg.escapeIdentifier(column)}::text`).join(', ');
  const { rows } = await client.query<{ id: string; parts: string[] }>(
    `select ${idSql(mapping.id, 'r')} as id, array[${texts}] as parts from ${root} as r
      where ${joined(mapping, dependency, 'r', 0)} ${after ? `and (${order}) > (${bound})` : ''} order by ${order} limit $2`,
    [values, SLICE_RECORDS, ...(after ?? [])],
  );
  return rows;
}

/** Whether a row of `alias` is reached from the changed values, over as many tables as the dependencies lead. */
function joined(mapping: Mapping, { to }: Dependency, alias: string, depth: number): string {
  const column = `${pg.escapeIdentifier(to.column)}::text`;
  const isRoot = to.schema === mapping.schema && to.table === mapping.table;
  if (isRoot) return `${alias}.${column} = any($1::text[])`;
  const next = mapping.dependencies.filter(({ from }) => from.schema === to.schema && from.table === to.table);
  if (depth === DEPTH_MAX || next.length === 0) return 'false';
  // The rows between, then what they lead to.
  return `(${next
    .map((each) => {
      const inner = `select s.${pg.escapeIdentifier(each.from.column)}::text from ${quoted({ schema: to.schema, name: to.table })} as s
        where s.${column} = any($1::text[])`;
      return joined(mapping, each, alias, depth + 1).replaceAll('any($1::text[])', `any(array(${inner}))`);
    })
    .join(' or ')})`;
}
