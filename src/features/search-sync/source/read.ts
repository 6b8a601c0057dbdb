// Reads documents from Postgres as text: Postgres writes the JSON, and nobody reads it again before the index does. What a
// row can't become a document for is told by record, so that it doesn't take its neighbours along.

import pg from 'pg';
import type { Mapping } from '../mapping.ts';
import { ID_BYTES_MAX, idColumns, idIn, idParameters, idSql, splitId } from './identity.ts';
import { quoted } from './table.ts';

export interface SourceDocument {
  id: string;
  /** JSON in one line. */
  json: string;
}

export interface Reading {
  documents: SourceDocument[];
  /** Asked for and not there, or not to be indexed: the document goes. */
  absent: string[];
  /** Not read for want of room: ask again for these alone. */
  rest: string[];
  /** No document can be made of these. */
  failed: { id: string; reason: string }[];
}

type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

/** The rows that are documents, under the alias `d`, with the columns that the id is made of. */
export function sourceSql(mapping: Pick<Mapping, 'schema' | 'table' | 'sql' | 'where'>): string {
  if (mapping.sql !== undefined) return `(${mapping.sql}\n) as d`;
  const table = quoted({ schema: mapping.schema, name: mapping.table });
  if (mapping.where === undefined) return `${table} as d`;
  // Under the table's own name, which the condition may use.
  return `(select * from ${table} where (${mapping.where}\n)) as d`;
}

/** The document of a row as an SQL expression of type text. */
export function documentSql(mapping: Pick<Mapping, 'columns'>): string {
  if (mapping.columns === undefined) return 'row_to_json(d)::text';
  const columns = mapping.columns.map((column) => `d.${pg.escapeIdentifier(column)}`);
  return `row_to_json((select c from (select ${columns.join(', ')}) as c))::text`;
}

// Postgres and Node: text of up to half a gigabyte. Both targets take 100 MB a request by default.
const DOCUMENT_BYTES_MAX = 90_000_000;

const ID_TOO_LONG = `the id has more than ${ID_BYTES_MAX} bytes`;

function tooLong(bytes: number): string {
  return `the document has ${bytes} bytes, more than a target takes`;
}

/** The documents of these records as they are now. At least one is read, then as many as fit into `bytesMax`. */
export async function readDocuments(
  pool: Queryable,
  mapping: Mapping,
  ids: readonly string[],
  bytesMax: number,
): Promise<Reading> {
  const reading: Reading = { documents: [], absent: [], rest: [], failed: [] };
  const known: { id: string; parts: string[] }[] = [];
  for (const id of ids) {
    const parts = splitId(mapping.id, id);
    if (parts === undefined) reading.absent.push(id);
    else if (Buffer.byteLength(id) > ID_BYTES_MAX) {
      reading.failed.push({ id, reason: ID_TOO_LONG });
    } else known.push({ id, parts });
  }
  if (known.length > 0) await readKnown(pool, mapping, known, bytesMax, reading);
  return reading;
}

async function readKnown(
  pool: Queryable,
  mapping: Mapping,
  known: { id: string; parts: string[] }[],
  bytesMax: number,
  reading: Reading,
): Promise<void> {
  let rows: { id: string; json: string | null; bytes: number }[];
  try {
    ({ rows } = await pool.query({
      text: byIdSql(mapping),
      values: [
        ...idParameters(
          mapping.id,
          known.map(({ parts }) => parts),
        ),
        bytesMax,
      ],
    }));
  } catch (error) {
    if (!isOfTheData(error)) throw error;
    const [only] = known;
    if (known.length === 1 && only) {
      reading.failed.push({ id: only.id, reason: (error as Error).message });
      return;
    }
    // One row, or one id that its column's type doesn't take, fails the statement: halve until it is alone.
    const middle = known.length >> 1;
    await readKnown(pool, mapping, known.slice(0, middle), bytesMax, reading);
    await readKnown(pool, mapping, known.slice(middle), bytesMax, reading);
    return;
  }
  const found = new Set<string>();
  for (const { id, json, bytes } of rows) {
    if (found.has(id)) continue;
    found.add(id);
    if (json !== null) reading.documents.push({ id, json: inOneLine(json) });
    else if (bytes > DOCUMENT_BYTES_MAX) reading.failed.push({ id, reason: tooLong(bytes) });
    else reading.rest.push(id);
  }
  for (const { id } of known) if (!found.has(id)) reading.absent.push(id);
}

function byIdSql(mapping: Mapping): string {
  return `with read as materialized (
      select ${idSql(mapping.id, 'd')} as id, ${documentSql(mapping)} as json from ${sourceSql(mapping)}
      where ${idIn(mapping.id, 'd', 1)}
    ), measured as (
      select id, json, octet_length(json) as bytes,
        sum(octet_length(json)) over (rows between unbounded preceding and current row) as until from read
    )
    select id, case when bytes <= ${DOCUMENT_BYTES_MAX} and (until <= $${mapping.id.length + 1} or until = bytes) then json end
      as json, bytes from measured`;
}

export interface Slice {
  documents: SourceDocument[];
  failed: { id: string; reason: string }[];
  /** The last row of the slice; null when there is none after the given one. */
  last: string[] | null;
}

/**
 * The documents after the given one in order of id: at most `limit`, and as many as fit into `bytesMax`, at least one.
 * Undefined when no document can be made of some row: then the ids must be read, and each row for itself.
 */
export async function readDocumentSlice(
  pool: Queryable,
  mapping: Mapping,
  after: readonly string[] | null,
  { limit, bytesMax }: { limit: number; bytesMax: number },
): Promise<Slice | undefined> {
  let rows: { id: string; json: string | null; bytes: number }[];
  try {
    ({ rows } = await pool.query({
      text: `with read as materialized (
          select ${idSql(mapping.id, 'd')} as id, ${documentSql(mapping)} as json ${afterSql(mapping, sourceSql(mapping), after, 3)} limit $1
        ), measured as (
          select id, json, octet_length(json) as bytes,
            sum(octet_length(json)) over (rows between unbounded preceding and current row) as until from read
        )
        select id, case when bytes <= ${DOCUMENT_BYTES_MAX} then json end as json, bytes from measured
          where until <= $2 or until = bytes`,
      values: [limit, bytesMax, ...(after ?? [])],
    }));
  } catch (error) {
    if (isOfTheData(error)) return undefined;
    throw error;
  }
  const slice: Slice = { documents: [], failed: [], last: null };
  for (const { id, json, bytes } of rows) {
    slice.last = splitId(mapping.id, id) as string[];
    if (json === null) slice.failed.push({ id, reason: tooLong(bytes) });
    else if (Buffer.byteLength(id) > ID_BYTES_MAX) slice.failed.push({ id, reason: ID_TOO_LONG });
    else slice.documents.push({ id, json: inOneLine(json) });
  }
  return slice;
}

/** The rows after the given one, whose parts are the parameters from `first` on, in order of id. */
function afterSql(mapping: Mapping, source: string, after: readonly string[] | null, first: number): string {
  const order = idColumns(mapping.id, 'd');
  const bound = mapping.id.map(({ type }, index) => `$${index + first}::text::${type}`).join(', ');
  return `from ${source} ${after === null ? '' : `where (${order}) > (${bound})`} order by ${order}`;
}

/** A slice of ids in order, after the given one. */
export async function readSlice(
  pool: Queryable,
  mapping: Mapping,
  after: readonly string[] | null,
  limit: number,
): Promise<{ ids: string[]; parts: string[][] }> {
  const texts = mapping.id.map(({ column }) => `d.${pg.escapeIdentifier(column)}::text`).join(', ');
  const read = (source: string) =>
    pool.query<{ id: string; parts: string[] }>(
      `select ${idSql(mapping.id, 'd')} as id, array[${texts}] as parts ${afterSql(mapping, source, after, 2)} limit $1`,
      [limit, ...(after ?? [])],
    );
  const { rows } = await read(sourceSql(mapping)).catch((error: unknown) => {
    if (!isOfTheData(error)) throw error;
    // One row for which the condition or the query raises: all of the table's, of which each is read alone if need be.
    return read(sourceSql({ schema: mapping.schema, table: mapping.table }));
  });
  return { ids: rows.map(({ id }) => id), parts: rows.map(({ parts }) => parts) };
}

/** Raw line ends can only stand between the tokens of a `json` column. */
function inOneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replaceAll(/[\r\n]/g, ' ') : json;
}

/** Whether the statement failed for what a row or an id holds, and not for what is asked or where. */
export function isOfTheData(error: unknown): boolean {
  return error instanceof pg.DatabaseError && OF_THE_DATA.test(error.code ?? '');
}

// A value that doesn't fit, more than one row of a subquery, what a function of the user's raises, a text too long.
const OF_THE_DATA = /^(2[012F]|38|39|P0|54000|54001|0A000)/;
