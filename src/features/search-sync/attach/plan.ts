// Reads what somebody asks to be mapped against what Postgres has, and refuses in words, before anything is changed, what
// couldn't be kept up: no way to name a row, a condition or a query that doesn't run, a dependency that leads nowhere.

import pg from 'pg';
import { readWithin } from '../../../core/ledger/pool.ts';
import { type Definition, type Identity, type Mapping, queueNameOf } from '../mapping.ts';
import type { MappingInput } from '../messages.ts';
import { DEFAULT_TARGET } from '../settings.ts';
import { isOfTheData } from '../source/read.ts';
import { quoted, readTable, readTableName, type Table } from '../source/table.ts';
import { troubleOf } from '../source/trouble.ts';
import { checkDependencies, readDependency } from './dependencies.ts';
import { columnNames, MappingRefused, refuse } from './refused.ts';

export interface Plan {
  schema: string;
  table: string;
  queueName: string;
  definition: Definition;
  source: Table;
  /** The tables that documents depend on, by place in `definition.dependencies`. */
  dependencyTables: Table[];
}

const CONDITION_LENGTH_MAX = 10_000;
const TRY_WITHIN_MS = 5_000;
const SUGGESTED = ['title', 'name', 'suggestion', 'label', 'query'];
const TEXTS = ['text', 'varchar', 'bpchar', 'citext', 'name'];

/** Throws MappingRefused; changes nothing. */
export async function planMapping(
  pool: pg.Pool,
  tableName: string,
  input: MappingInput,
  targetNames: readonly string[],
): Promise<Plan> {
  const named =
    readTableName(tableName) ??
    refuse('invalid_table', '', `'${tableName}' is not a table's name: write name or schema.name`);
  const source = (await readTable(pool, named)) ?? refuse('unknown_table', '', `there is no table ${quoted(named)}`);
  if (source.kind !== 'r' && source.kind !== 'p') {
    refuse(
      'not_a_table',
      '',
      `${quoted(named)} is not a table: triggers need one; map its table and give the view's query as sql`,
    );
  }
  checkShape(input);
  const id = readIdentity(source, input);
  checkColumns(source, input);
  const targets = readTargets(input.target, targetNames);
  const dependencies = (input.dependencies ?? []).map((text, index) => readDependency(text, `/dependencies/${index}`));
  const dependencyTables = await checkDependencies(pool, dependencies, named);
  const definition: Definition = {
    index: input.index,
    id,
    where: input.where,
    columns: input.columns,
    sql: input.sql,
    dependencies,
    targets,
    suggest: input.suggest ?? suggested(source, input),
    properties: input.mapping,
    settings: input.settings,
  };
  const plan = {
    schema: source.schema,
    table: source.name,
    queueName: queueNameOf({ schema: source.schema, table: source.name }),
  };
  await checkQuery(pool, { ...definition, ...plan, mappingId: '0', indices: [] }, source);
  return { ...plan, definition, source, dependencyTables };
}

function checkShape({ where, columns, sql, index }: MappingInput): void {
  if (sql !== undefined && (columns !== undefined || where !== undefined)) {
    refuse(
      'invalid_field',
      columns ? '/columns' : '/where',
      'sql says itself which rows and columns there are: leave columns and where out',
    );
  }
  for (const [name, text] of Object.entries({ where, sql })) {
    if (text !== undefined && (text.trim() === '' || text.length > CONDITION_LENGTH_MAX || text.includes('\0'))) {
      refuse('invalid_field', `/${name}`, `${name} must have 1 to ${CONDITION_LENGTH_MAX} characters and no NUL`);
    }
  }
  // What both products take as the name of an index, with room for the number that TEM appends.
  if (!/^[a-z0-9][a-z0-9_.-]{0,199}$/.test(index) || index.startsWith('tem-write-')) {
    refuse(
      'invalid_field',
      '/index',
      `'${index}' is no name for an index: use lower-case letters, digits, - _ and . (at most 200), a letter or digit first`,
    );
  }
}

function readIdentity(source: Table, { id, sql }: MappingInput): Identity[] {
  const [key] = source.keys;
  const wanted =
    id === undefined
      ? key
      : Array.isArray(id)
        ? id
        : source.columns.some(({ name }) => name === id)
          ? [id]
          : id.split(/\s*,\s*/);
  if (wanted === undefined) {
    return refuse(
      'no_key',
      '/id',
      `${quoted(source)} has no primary key and no unique key of columns that are not null: add one, so that a document can be told from others`,
    );
  }
  const identity = wanted.map((column) => {
    const found = source.columns.find(({ name }) => name === column);
    if (!found)
      return refuse(
        'unknown_column',
        '/id',
        `${quoted(source)} has no column ${column}; it has ${columnNames(source)}`,
      );
    return { column, type: found.type };
  });
  const same = (key_: string[]): boolean =>
    key_.length === wanted.length && key_.every((column) => wanted.includes(column));
  if (!source.keys.some(same)) {
    refuse(
      'no_key',
      '/id',
      `${wanted.join(', ')} is not unique in ${quoted(source)}: it needs a primary key or a unique index without a condition, over columns that are not null`,
    );
  }
  if (sql !== undefined && identity.length === 0) refuse('no_key', '/id', 'name the columns of the id');
  return identity;
}

function checkColumns(source: Table, { columns, suggest, sql }: MappingInput): void {
  for (const [name, list] of Object.entries({ columns, suggest })) {
    for (const [index, column] of (list ?? []).entries()) {
      if (sql !== undefined && name === 'suggest') continue;
      if (!source.columns.some((each) => each.name === column)) {
        refuse(
          'unknown_column',
          `/${name}/${index}`,
          `${quoted(source)} has no column ${column}; it has ${columnNames(source)}`,
        );
      }
    }
  }
}

function suggested(source: Table, { columns, sql }: MappingInput): string[] {
  if (sql !== undefined) return [];
  const isText = (name: string): boolean =>
    source.columns.some((each) => each.name === name && TEXTS.includes(each.baseType)) &&
    (columns?.includes(name) ?? true);
  const first = SUGGESTED.find(isText);
  return first === undefined ? [] : [first];
}

function readTargets(target: MappingInput['target'], known: readonly string[]): string[] {
  const targets = target === undefined ? [DEFAULT_TARGET] : Array.isArray(target) ? target : target.split(/\s*,\s*/);
  for (const name of targets) {
    if (!known.includes(name)) {
      const setting = name === DEFAULT_TARGET ? 'TEM_SEARCH_URL' : `TEM_SEARCH_URL_${name.toUpperCase()}`;
      refuse('unknown_target', '/target', `there is no target ${name}: set ${setting} on the API and the workers`);
    }
  }
  return [...new Set(targets)];
}

/** Refuses what documents can't be read with. A condition is tried on the rows that are there, for as long as that is quick. */
async function checkQuery(pool: pg.Pool, mapping: Mapping, source: Table): Promise<void> {
  const refused = await troubleOf(pool, mapping);
  if (refused !== undefined) {
    throw new MappingRefused(
      mapping.sql !== undefined ? 'invalid_sql' : 'invalid_where',
      mapping.sql !== undefined ? '/sql' : mapping.where !== undefined ? '/where' : '',
      `Postgres refuses it: ${refused}`,
    );
  }
  if (mapping.where === undefined) return;
  const counting = `select count(*) from ${quoted(source)} as ${pg.escapeIdentifier(source.name)}
    where (${mapping.where}\n)::boolean and $1::int = 1`;
  const read = (client: pg.PoolClient) => client.query(counting, [1]);
  await readWithin(pool, TRY_WITHIN_MS, read).catch((error: unknown) => {
    if (!isOfTheData(error)) return;
    throw new MappingRefused(
      'invalid_where',
      '/where',
      `Postgres refuses it for a row that is there: ${(error as Error).message}`,
    );
  });
}
