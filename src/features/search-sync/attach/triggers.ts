// The triggers of a mapped table: for each statement one, with transition tables, so that a statement over many rows costs
// one insert into the queue. They only enqueue (rule 24), and must never be why a write of the application's fails: not for
// what a row holds, not for a condition that raises, not for a column that was renamed since.

import pg from 'pg';
import type { Dependency, Mapping } from '../mapping.ts';
import { CHANNEL } from '../processor/channel.ts';
import { KEEPS } from '../queue/keeps.ts';
import { QUEUE } from '../queue/table.ts';
import { idSql } from '../source/identity.ts';
import { quoted, type Table } from '../source/table.ts';

/** Rows with longer texts are only named in the queue: a jsonb holds 255 MB, and {old, new} is two rows. */
const CHANGE_BYTES_MAX = 32_000_000;

/** Types whose values are never refused by jsonb. A json may hold what a jsonb can't, such as \\u0000 or 1e400000. */
const ALWAYS_JSONB = new Set(
  (
    'bool int2 int4 int8 float4 float8 numeric text varchar bpchar citext name uuid jsonb bytea ' +
    'date time timetz timestamp timestamptz interval inet cidr macaddr'
  ).split(' '),
);

const literal = pg.escapeLiteral;
const identifier = pg.escapeIdentifier;

export const TRIGGER_PREFIX = 'tem_search';

interface TriggerSql {
  /** Functions, which lock nothing of the table. */
  functions: string[];
  /** What locks a table or a partition of it, in one text for each, so that it is locked for one round trip. */
  triggers: { relation: { schema: string; name: string }; sql: string }[];
}

/** The SQL that makes what enqueues changes of the table. */
export function tableTriggers(mapping: Mapping, table: Table): TriggerSql {
  const name = (event: string): string => `tem.${identifier(`search_${mapping.mappingId}_${event}`)}`;
  const alias = identifier(mapping.table);
  return {
    functions: [
      rowsFunction(name('insert'), mapping, oneSided(mapping, table, 'INSERT', `tem_new as ${alias}`)),
      rowsFunction(name('update'), mapping, bothSided(mapping, table)),
      rowsFunction(name('delete'), mapping, oneSided(mapping, table, 'DELETE', `tem_old as ${alias}`)),
      triggerFunction(name('truncate'), `${sweep(mapping)};`),
    ],
    triggers: triggersOf(table, TRIGGER_PREFIX, name),
  };
}

function triggersOf(table: Table, prefix: string, functionName: (event: string) => string): TriggerSql['triggers'] {
  const referencing = {
    insert: 'referencing new table as tem_new',
    update: 'referencing old table as tem_old new table as tem_new',
    delete: 'referencing old table as tem_old',
    truncate: '',
  };
  return [table, ...table.partitions].map((relation) => ({
    relation,
    sql: Object.entries(referencing)
      .map(
        ([
          event,
          tables,
        ]) => `create or replace trigger ${prefix}_${event} after ${event} on ${quoted(relation)} ${tables}
          for each statement execute function ${functionName(event)}()`,
      )
      .join(';\n'),
  }));
}

/** The SQL that makes what enqueues changes of a table that documents depend on. */
export function dependencyTriggers(mapping: Mapping, { from }: Dependency, index: number, table: Table): TriggerSql {
  const column = identifier(from.column);
  const name = (event: string): string => `tem.${identifier(`search_${mapping.mappingId}_d${index}_${event}`)}`;
  const trigger = `${TRIGGER_PREFIX}_${mapping.mappingId}_d${index}`;
  const changed = (event: string, values: string): string => {
    const rows = `select ${mapping.mappingId}, ${index}, v from (${values}) as c(v) where v is not null`;
    return triggerFunction(
      name(event),
      `${trying(`perform ${understood(rows)}`, 'tem_way := 2')}
      if tem_way = 0 then insert into tem.search_fanout (mapping_id, dependency, value) ${rows};
      else ${sweep(mapping)}; end if;`,
    );
  };
  const valuesOf = (relation: string): string => `select distinct ${column}::text from ${relation}`;
  return {
    functions: [
      changed('insert', valuesOf('tem_new')),
      changed('update', `${valuesOf('tem_old')} union ${valuesOf('tem_new')}`),
      changed('delete', valuesOf('tem_old')),
      // What was joined is gone, and nobody knows which: the documents are compared.
      triggerFunction(name('truncate'), `${sweep(mapping)};`),
    ],
    triggers: triggersOf(table, trigger, name),
  };
}

// The rights of TEM's role, because those who write the table need none on the queue. Names mean what they mean to TEM's
// own reading of the documents. What the queue keeps, and whether somebody sleeps, is asked of sequences: an expression
// alone, where reading a table or calling a function with a statement in it would cost as much as the row itself.
function triggerFunction(name: string, statements: string): string {
  const body = `declare tem_keeps bigint := pg_sequence_last_value('tem.search_keeps'); tem_way integer := 0;
  begin
    if tem_keeps = ${KEEPS.full} then return null; end if;
    ${statements}
    if found and pg_sequence_last_value('tem.search_bell') > tem.clock_us() then perform pg_notify('${CHANNEL}', ''); end if;
    return null;
  end`;
  return `create or replace function ${name}() returns trigger language plpgsql security definer
    set search_path from current as ${literal(body)}`;
}

interface Rows {
  /** What may raise row by row. */
  probes: string[];
  /** The same as `whole` for a statement over one row that is cheaper to find there; may find nothing. */
  single?: string;
  /** What the queue gets. */
  whole: string;
  /** The same without the condition and without what changed: only which records. */
  named: string;
}

/**
 * A condition that raises for some row, or names a column that is gone, leaves the records of the statement in the queue
 * without more ado: whoever reads them finds out, and says so. When not even the id can be read, the table is compared.
 */
function rowsFunction(name: string, mapping: Mapping, { probes, single, whole, named }: Rows): string {
  const insert = single
    ? `${INSERT_INTO} ${single}; if not found then ${INSERT_INTO} ${whole}; end if;`
    : `${INSERT_INTO} ${whole};`;
  return triggerFunction(
    name,
    `${trying([understood(whole), ...probes].map((probe) => `perform ${probe}`).join('; '), 'tem_way := 1')}
    if tem_way = 1 then ${trying(`perform ${understood(named)}`, 'tem_way := 2')} end if;
    if tem_way = 0 then ${insert}
    elsif tem_way = 1 then ${INSERT_INTO} ${named};
    else ${sweep(mapping)}; end if;`,
  );
}

/** A block that only reads: one that writes would take a number of its own from Postgres for each statement. */
function trying(statements: string, otherwise: string): string {
  return `begin ${statements}; exception when others then ${otherwise}; end;`;
}

/** Raises when a name in the query stands for nothing any more. Postgres plans nothing of it, and runs nothing. */
function understood(query: string): string {
  return `case when false then exists (${query}) end`;
}

function sweep({ mappingId }: Mapping): string {
  return `insert into tem.search_sweep (mapping_id) values (${mappingId})`;
}

const INSERT_INTO = `insert into ${QUEUE} (table_name, operation, record_id, change_data)`;

function oneSided(mapping: Mapping, table: Table, operation: 'INSERT' | 'DELETE', relation: string): Rows {
  const alias = identifier(mapping.table);
  const select = (data: string): string =>
    `select ${literal(mapping.queueName)}, '${operation}', ${idSql(mapping.id, alias)}, ${data} from ${relation}`;
  return {
    probes: mapping.where === undefined ? [] : [`count(*) from ${relation} where ${condition(mapping)}`],
    whole: `${select(kept(table, `to_jsonb(${safe(table, alias)})`, [alias]))} where ${condition(mapping)}`,
    named: select('null'),
  };
}

/**
 * An update may change the id, and may enter or leave what is indexed. Most statements update one row and leave its id, and
 * then the two sides need no join.
 */
function bothSided(mapping: Mapping, table: Table): Rows {
  const alias = identifier(mapping.table);
  const side = (relation: string, meets: string): string =>
    `(select ${idSql(mapping.id, alias)} as k, ${alias} as r, ${meets} as m from ${relation} as ${alias})`;
  const joined = (meets: string): string =>
    `from ${side('tem_old', meets)} o full join ${side('tem_new', meets)} n on n.k = o.k`;
  const select = (data: string): string =>
    `select ${literal(mapping.queueName)}, case when n.k is null then 'DELETE' when o.k is null then 'INSERT' else 'UPDATE' end,
      coalesce(n.k, o.k), ${data}`;
  const [oldRow, newRow] = [safe(table, 'o.r'), safe(table, 'n.r')];
  // In one go: a jsonb made of two others is written twice.
  const both = `(select to_jsonb(c) from (select ${oldRow} as old, ${newRow} as new) as c)`;
  const any = `case when n.k is null then to_jsonb(${oldRow}) when o.k is null then to_jsonb(${newRow}) else ${both} end`;
  const meets = condition(mapping);
  const meeting = (relation: string): string => `count(*) from ${relation} as ${alias} where ${meets}`;
  return {
    probes: mapping.where === undefined ? [] : [meeting('tem_old'), meeting('tem_new')],
    single: `select ${literal(mapping.queueName)}, 'UPDATE', n.k, ${kept(table, both, ['o.r', 'n.r'])}
      from ${side('tem_old', meets)} o, ${side('tem_new', meets)} n
      where not exists (select from tem_new offset 1) and o.k = n.k and (o.m or n.m)`,
    whole: `${select(kept(table, any, ['o.r', 'n.r']))} ${joined(meets)}
      where coalesce(o.m, false) or coalesce(n.m, false)`,
    named: `${select('null')} ${joined('true')}`,
  };
}

function condition({ where }: Mapping): string {
  // A mapping by query has no condition: whether a row is in it, only the query knows.
  return where === undefined ? 'true' : `coalesce((${where}\n), false)`;
}

/** The row, or the jsonb of it where some rows can't become one: null then. Only the tables that need that net pay for it. */
function safe({ columns }: Table, row: string): string {
  const always = columns.every(({ kind, baseType }) => kind === 'enum' || ALWAYS_JSONB.has(baseType));
  return always ? row : `tem.search_row(${row})`;
}

/** The change as it is kept: nothing when only marks are, or when the rows are too long for a jsonb. */
function kept({ columns }: Table, data: string, rows: readonly string[]): string {
  const long = columns.some(({ baseType }) => ['text', 'varchar', 'bytea', 'xml'].includes(baseType));
  const bytes = rows.map((row) => `coalesce(pg_column_size(${row}), 0)`).join(' + ');
  return `case when tem_keeps = ${KEEPS.whole}${long ? ` and ${bytes} < ${CHANGE_BYTES_MAX}` : ''} then ${data} end`;
}
