// What Postgres says of a table: its columns, its unique keys, its partitions. Names are kept as they are in the catalogue
// and quoted wherever SQL is made of them.

import pg from 'pg';

export interface Column {
  name: string;
  /** The type as SQL names it, with its schema and without a length: `pg_catalog.int4`. */
  type: string;
  /** `int4`, `text`, `jsonb`, `_text`; of a domain that of its base. */
  baseType: string;
  kind: 'enum' | 'array' | 'composite' | 'other';
  notNull: boolean;
}

export interface Table {
  oid: string;
  schema: string;
  name: string;
  /** r: ordinary, p: partitioned. */
  kind: string;
  columns: Column[];
  /** Column sets that are unique and not null, the primary key first. */
  keys: string[][];
  /** Its partitions, at all levels. */
  partitions: { schema: string; name: string }[];
  rows: number;
}

type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

/** `name` or `schema.name`, each perhaps in double quotes; undefined when it is neither. */
export function readTableName(text: string): { schema: string; name: string } | undefined {
  const part = '("(?:[^"\\u0000]|"")+"|[^".\\u0000]+)';
  const match = new RegExp(`^(?:${part}\\.)?${part}$`).exec(text);
  if (!match) return undefined;
  const plain = (quoted: string): string =>
    quoted.startsWith('"') ? quoted.slice(1, -1).replaceAll('""', '"') : quoted;
  return { schema: plain(match[1] ?? 'public'), name: plain(match[2] ?? '') };
}

/** The table, or undefined when there is none of that name. */
export async function readTable(
  pool: Queryable,
  { schema, name }: { schema: string; name: string },
): Promise<Table | undefined> {
  const { rows } = await pool.query<{ oid: string; kind: string; rows: number }>(
    `select c.oid::text, c.relkind::text as kind, greatest(c.reltuples, 0)::float8 as rows from pg_class c
      join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`,
    [schema, name],
  );
  const found = rows[0];
  if (!found) return undefined;
  return { ...found, schema, name, ...(await readParts(pool, found.oid)) };
}

async function readParts(pool: Queryable, oid: string): Promise<Pick<Table, 'columns' | 'keys' | 'partitions'>> {
  const columns = await pool.query<Column>(
    `select a.attname as name, quote_ident(tn.nspname) || '.' || quote_ident(t.typname) as type,
        b.typname as "baseType", a.attnotnull as "notNull",
        case when b.typtype = 'e' then 'enum' when b.typcategory = 'A' then 'array'
          when b.typtype = 'c' then 'composite' else 'other' end as kind
      from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_namespace tn on tn.oid = t.typnamespace
        join pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
      where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [oid],
  );
  const keys = await pool.query<{ columns: string[] }>(
    `select array_agg(a.attname::text order by k.n) as columns
      from pg_index i, unnest(i.indkey::int2[]) with ordinality as k(attnum, n), pg_attribute a
      where i.indrelid = $1::oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
        and k.n <= i.indnkeyatts and a.attrelid = i.indrelid and a.attnum = k.attnum
      group by i.indexrelid, i.indisprimary having bool_and(a.attnotnull) order by i.indisprimary desc, i.indexrelid`,
    [oid],
  );
  const partitions = await pool.query<{ schema: string; name: string }>(
    `with recursive tree as (
        select i.inhrelid from pg_inherits i where i.inhparent = $1::oid
        union all select i.inhrelid from pg_inherits i join tree t on i.inhparent = t.inhrelid
      ) select n.nspname as schema, c.relname as name from tree t join pg_class c on c.oid = t.inhrelid
        join pg_namespace n on n.oid = c.relnamespace order by c.oid`,
    [oid],
  );
  return { columns: columns.rows, keys: keys.rows.map((row) => row.columns), partitions: partitions.rows };
}

/** As SQL names it. */
export function quoted({ schema, name }: { schema: string; name: string }): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
}
