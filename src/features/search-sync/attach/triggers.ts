// The triggers of a mapped table: for each statement one, with transition tables, so that a statement over many rows costs
// one insert into the queue. They only enqueue (rule 24), and must never be why a write of the application's fails: not for
// what a row holds, not for a condition that raises, not for a column that was renamed since.

import pg from 'pg';
import type { Dependency, Mapping } from '../mapping.ts';
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
  /** What locks the table, to be run quickly. */
  triggers: string[];
}

/** The SQL that makes what enqueues changes of the table. */
export function tableTriggers(mapping: Mapping, table: Table): TriggerSql {
  const name = (event: string): string => `tem.${identifier(`search_${mapping.mappingId}_${event}`)}`;
  const relations = [table, ...table.partitions];
  const trigger = (event: 'insert' | 'update' | 'delete' | 'truncate', referencing: string): string[] =>
    relations.map(
      (
        relation,
      ) => `create or replace trigger ${TRIGGER_PREFIX}_${event} after ${event} on ${quoted(relation)} ${referencing}
        for each statement execute function ${name(event)}()`,
    );
  const alias = identifier(mapping.table);
  return {
    functions: [
      rowsFunction(name('insert'), mapping, oneSided(mapping, table, 'INSERT', `tem_new as ${alias}`)),
      rowsFunction(name('update'), mapping, bothSided(mapping, table)),
      rowsFunction(name('delete'), mapping, oneSided(mapping, table, 'DELETE', `tem_old as ${alias}`)),
      triggerFunction(name('truncate'), `${sweep(mapping)};`),
    ],
    triggers: [
      ...trigger('insert', 'referencing new table as tem_new'),
      ...trigger('update', 'referencing old table as tem_old new table as tem_new'),
      ...trigger('delete', 'referencing old table as tem_old'),
      ...trigger('truncate', ''),
    ],
  };
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
      `${trying(`perform 1 from (${rows} limit 0) as tem_rows`, 'tem_way := 2')}
      if tem_way = 0 then insert into tem.search_fanout (mapping_id, dependency, value) ${rows};
      else ${sweep(mapping)}; end if;`,
    );
  };
  const valuesOf = (relation: string): string => `select distinct ${column}::text from ${relation}`;
  const relations = [table, ...table.partitions];
  const create = (event: string, referencing: string): string[] =>
    relations.map(
      (relation) => `create or replace trigger ${trigger}_${event} after ${event} on ${quoted(relation)} ${referencing}
        for each statement execute function ${name(event)}()`,
    );
  return {
    functions: [
      changed('insert', valuesOf('tem_new')),
      changed('update', `${valuesOf('tem_old')} union ${valuesOf('tem_new')}`),
      changed('delete', valuesOf('tem_old')),
      // What was joined is gone, and nobody knows which: the documents are compared.
      triggerFunction(name('truncate'), `${sweep(mapping)};`),
    ],
    triggers: [
      ...create('insert', 'referencing new table as tem_new'),
      ...create('update', 'referencing old table as tem_old new table as tem_new'),
      ...create('delete', 'referencing old table as tem_old'),
      ...create('truncate', ''),
    ],
  };
}

// The rights of TEM's role, because those who write the table need none on the queue. Names mean what they mean to TEM's
// own reading of the documents.
function triggerFunction(name: string, statements: string): string {
  // Read once for a statement, not for each of its rows.
  const body = `declare tem_keeps text := (select s.keeps from tem.search_state s); tem_way integer := 0;
  begin
    if tem_keeps = 'full' then return null; end if;
    ${statements}
    if found then perform tem.search_ring(); end if;
    return null;
  end`;
  return `create or replace function ${name}() returns trigger language plpgsql security definer
    set search_path from current as ${literal(body)}`;
}

interface Rows {
  /** What reads all that may raise, row by row where a condition may. */
  probes: string[];
  /** What the queue gets. */
  whole: string;
  /** The same without the condition and without what changed: only which records. */
  named: string;
}

/**
 * A condition that raises for some row, or names a column that is gone, leaves the records of the statement in the queue
 * without more ado: whoever reads them finds out, and says so. When not even the id can be read, the table is compared.
 */
function rowsFunction(name: string, mapping: Mapping, { probes, whole, named }: Rows): string {
  return triggerFunction(
    name,
    `${trying(probes.map((probe) => `perform ${probe}`).join('; '), 'tem_way := 1')}
    if tem_way = 1 then ${trying(`perform 1 from (${named} limit 0) as tem_rows`, 'tem_way := 2')} end if;
    if tem_way = 0 then ${INSERT_INTO} ${whole};
    elsif tem_way = 1 then ${INSERT_INTO} ${named};
    else ${sweep(mapping)}; end if;`,
  );
}

/** A block that only reads: one that writes would take a number of its own from Postgres for each statement. */
function trying(statements: string, otherwise: string): string {
  return `begin ${statements}; exception when others then ${otherwise}; end;`;
}

function sweep({ mappingId }: Mapping): string {
  return `insert into tem.search_sweep (mapping_id) values (${mappingId})`;
}

const INSERT_INTO = `insert into ${QUEUE} (table_name, operation, record_id, change_data)`;

function oneSided(mapping: Mapping, table: Table, operation: 'INSERT' | 'DELETE', relation: string): Rows {
  const alias = identifier(mapping.table);
  const select = (data: string): string =>
    `select ${literal(mapping.queueName)}, '${operation}', ${idSql(mapping.id, alias)}, ${data} from ${relation}`;
  const whole = `${select(kept(table, rowData(table, alias), [alias]))} where ${condition(mapping)}`;
  return {
    probes: [
      `1 from (${whole} limit 0) as tem_rows`,
      ...(mapping.where === undefined ? [] : [`count(*) from ${relation} where ${condition(mapping)}`]),
    ],
    whole,
    named: select('null'),
  };
}

/** An update may change the id, and may enter or leave what is indexed. */
function bothSided(mapping: Mapping, table: Table): Rows {
  const alias = identifier(mapping.table);
  const joined = (meets: string): string => {
    const side = (relation: string): string =>
      `(select ${idSql(mapping.id, alias)} as k, ${alias} as r, ${meets} as m from ${relation} as ${alias})`;
    return `from ${side('tem_old')} o full join ${side('tem_new')} n on n.k = o.k`;
  };
  const select = (data: string): string =>
    `select ${literal(mapping.queueName)}, case when n.k is null then 'DELETE' when o.k is null then 'INSERT' else 'UPDATE' end,
      coalesce(n.k, o.k), ${data}`;
  const [oldRow, newRow] = [rowData(table, 'o.r'), rowData(table, 'n.r')];
  const data = `case when n.k is null then ${oldRow} when o.k is null then ${newRow}
    else jsonb_build_object('old', ${oldRow}, 'new', ${newRow}) end`;
  const whole = `${select(kept(table, data, ['(o.r)', '(n.r)']))} ${joined(condition(mapping))}
    where coalesce(o.m, false) or coalesce(n.m, false)`;
  const meeting = (relation: string): string => `count(*) from ${relation} as ${alias} where ${condition(mapping)}`;
  return {
    probes: [
      `1 from (${whole} limit 0) as tem_rows`,
      ...(mapping.where === undefined ? [] : [meeting('tem_old'), meeting('tem_new')]),
    ],
    whole,
    named: `${select('null')} ${joined('true')}`,
  };
}

function condition({ where }: Mapping): string {
  // A mapping by query has no condition: whether a row is in it, only the query knows.
  return where === undefined ? 'true' : `coalesce((${where}\n), false)`;
}

/** The row as jsonb; null where no jsonb can be made of it. Only the tables that may need the net pay for it. */
function rowData({ columns }: Table, row: string): string {
  const always = columns.every(({ kind, baseType }) => kind === 'enum' || ALWAYS_JSONB.has(baseType));
  return `${always ? 'to_jsonb' : 'tem.search_row'}(${row})`;
}

/** The change as it is kept: nothing when only marks are, or when a row is too long for a jsonb. */
function kept({ columns }: Table, data: string, rows: readonly string[]): string {
  const long = columns.filter(({ baseType }) => ['text', 'varchar', 'bytea', 'xml'].includes(baseType));
  const lengths = rows.flatMap((row) =>
    long.map(({ name, baseType }) => {
      const column = `${row}.${identifier(name)}`;
      return `coalesce(octet_length(${baseType === 'bytea' ? column : `${column}::text`}), 0)`;
    }),
  );
  const fits = lengths.length === 0 ? '' : ` and ${lengths.join(' + ')} < ${CHANGE_BYTES_MAX}`;
  return `case when tem_keeps = 'whole'${fits} then ${data} end`;
}
