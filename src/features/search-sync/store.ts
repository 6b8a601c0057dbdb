// The SQL of mappings and their indices. Every change raises `revision`, by which processors see that what they hold of
// them is old.

import type pg from 'pg';
import type { Definition, Mapping, SearchIndex } from './mapping.ts';

type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

interface MappingRow {
  mappingId: string;
  schema: string;
  table: string;
  queueName: string;
  definition: Definition;
  indices: SearchIndex[];
}

/** What whoever made an entry needs at most until the index is there; later it is taken up by others. */
export const MAKING_WITHIN_MS = 300_000;

// An index has its event as soon as it was made.
const MADE = `(i.event_id is not null or i.created_at < now() - interval '${MAKING_WITHIN_MS} ms')`;

const SELECT = `select m.id as "mappingId", m.table_schema as schema, m.table_name as "table", m.queue_name as "queueName",
    m.definition, coalesce((select jsonb_agg(jsonb_build_object('id', i.id::text, 'target', i.target, 'name', i.name,
      'state', i.state, 'made', ${MADE}) order by i.id) from tem.search_index i where i.mapping_id = m.id and i.state in ('loading', 'live')),
      '[]') as indices
  from tem.search_mapping m`;

function present({ definition, ...row }: MappingRow): Mapping {
  return { ...definition, ...row };
}

export async function readMappings(pool: Queryable): Promise<Mapping[]> {
  const { rows } = await pool.query<MappingRow>(`${SELECT} order by m.id`);
  return rows.map(present);
}

export async function readMapping(
  pool: Queryable,
  named: { schema: string; name: string },
): Promise<Mapping | undefined> {
  const { rows } = await pool.query<MappingRow>(`${SELECT} where m.table_schema = $1 and m.table_name = $2`, [
    named.schema,
    named.name,
  ]);
  return rows[0] && present(rows[0]);
}

export async function insertMapping(
  client: Queryable,
  {
    schema,
    table,
    queueName,
    definition,
  }: { schema: string; table: string; queueName: string; definition: Definition },
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `insert into tem.search_mapping (table_schema, table_name, queue_name, definition) values ($1, $2, $3, $4)
      returning id`,
    [schema, table, queueName, JSON.stringify(definition)],
  );
  return rows[0]?.id ?? '';
}

export async function deleteMapping(client: Queryable, mappingId: string): Promise<void> {
  await client.query('delete from tem.search_mapping where id = $1', [mappingId]);
}

/** Tells every processor that mappings or indices have changed. */
export async function raiseRevision(client: Queryable): Promise<void> {
  await client.query('update tem.search_state set revision = revision + 1');
}

/** A concrete index that is about to be made and filled; its number makes the name unique. */
export async function insertIndex(
  client: Queryable,
  { mappingId, target, alias }: { mappingId: string; target: string; alias: string },
): Promise<SearchIndex> {
  const { rows } = await client.query<SearchIndex>(
    `with drawn as (select nextval('tem.search_index_id_seq') as id)
      insert into tem.search_index (id, mapping_id, target, name) overriding system value
      select d.id, $1, $2, $3 || '-' || lpad(d.id::text, 6, '0') from drawn d
      returning id::text, target, name, state, false as made`,
    [mappingId, target, alias],
  );
  return rows[0] as SearchIndex;
}

export interface LoadRow {
  id: string;
  mappingId: string;
  table: string;
  schema: string;
  target: string;
  name: string;
  state: SearchIndex['state'];
  cursor: string[] | null;
  loaded: string;
  total: string | null;
  loadedAt: Date | null;
  liveAt: Date | null;
  keptUntil: Date | null;
  event: string | null;
  error: string | null;
  verification: unknown;
}

const LOAD_COLUMNS = `i.id::text, i.mapping_id::text as "mappingId", m.table_name as "table", m.table_schema as schema, i.target, i.name,
  i.state, i.cursor, i.loaded, i.total, i.loaded_at as "loadedAt", i.live_at as "liveAt", i.kept_until as "keptUntil",
  i.event_id as event, i.error, i.verification`;

export async function readLoad(pool: Queryable, id: string): Promise<LoadRow | undefined> {
  const { rows } = await pool.query<LoadRow>(
    `select ${LOAD_COLUMNS} from tem.search_index i join tem.search_mapping m on m.id = i.mapping_id where i.id = $1`,
    [id],
  );
  return rows[0];
}

/** All indices of a mapping, those that were replaced included. */
export async function readLoads(pool: Queryable, mappingId: string): Promise<LoadRow[]> {
  const { rows } = await pool.query<LoadRow>(
    `select ${LOAD_COLUMNS} from tem.search_index i join tem.search_mapping m on m.id = i.mapping_id
      where i.mapping_id = $1 order by i.id`,
    [mappingId],
  );
  return rows;
}

/** Sets columns of an index while it is in one of the states; resolves to whether it was. */
export async function updateIndex(
  pool: Queryable,
  id: string,
  states: readonly string[],
  set: string,
  values: readonly unknown[] = [],
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update tem.search_index i set ${set} where i.id = $1 and i.state = any($2::text[])`,
    [id, states, ...values],
  );
  return rowCount === 1;
}

/** Who did what by hand, for the log and for people. */
export async function noteChange(client: Queryable, actor: string, action: string, detail: unknown): Promise<void> {
  await client.query('insert into tem.search_change (actor, action, detail) values ($1, $2, $3)', [
    actor,
    action,
    JSON.stringify(detail ?? null),
  ]);
}

export async function readVerification(
  pool: Queryable,
  mappingId: string,
): Promise<{ verifiedAt: string | null; verification: unknown }> {
  const { rows } = await pool.query<{ at: Date | null; verification: unknown }>(
    'select verified_at as at, verification from tem.search_mapping where id = $1',
    [mappingId],
  );
  return { verifiedAt: rows[0]?.at?.toISOString() ?? null, verification: rows[0]?.verification ?? null };
}
