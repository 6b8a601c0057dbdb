// An import of products as a stream: lines become rows, rows are written a few thousand at a time, and each set is committed
// with how far the import has come. The same call with the same key goes on where it was; memory stays what one set takes.

import type { Pool } from 'pg';
import { writeAudit } from '../../../core/audit.ts';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import { CsvReader, type CsvRecord, delimiterOf } from '../rules/import/csv.ts';
import { type Line, readLines } from '../rules/import/lines.ts';
import { COLUMNS, type Column, columnOf, type ProductRow, readRow } from '../rules/import/row.ts';
import { type ImportProgress, openImport, type Rejection, writeProgress } from '../store/imports.ts';
import { putProducts } from '../store/products.ts';
import { readLocales } from '../store/shops.ts';

export type ImportFormat = 'csv' | 'ndjson';

const SET_ROWS = 2_000;
/** Rejected lines of one answer; all of them are counted, and kept under the import's key. */
export const REJECTED_MAX = 10_000;

/** The import can't go on at all: the caller is told so, with what was committed before. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface ImportOptions {
  pool: Pool;
  /** Whom the audit names. */
  actor: string;
  key: string | undefined;
  format: ImportFormat;
  refuseUrl(url: string): string | undefined;
}

interface Parsed {
  line: number;
  values?: Partial<Record<Column, unknown>>;
  problem?: { code: string; detail: string };
}

export interface ImportAnswer {
  created: number;
  updated: number;
  rejectedCount: number;
  rejected: Rejection[];
}

/** Throws an ImportRefused for what no line of it can mend. */
export async function importProducts(body: AsyncIterable<Buffer>, options: ImportOptions): Promise<ImportAnswer> {
  const { pool, key, format } = options;
  const before = key === undefined ? undefined : await openImport(pool, key, format);
  const progress: ImportProgress = before?.progress ?? { lines: 0, created: 0, updated: 0, rejected: 0 };
  const rejected = before?.rejected ?? [];
  const resumeAfter = progress.lines;
  let waiting: Parsed[] = [];
  // One set is written while the next one is read.
  let writing: Promise<void> = Promise.resolve();
  const write = async (set: readonly Parsed[]): Promise<void> => {
    const written = await writeSet(set, options, progress);
    Object.assign(progress, written.progress);
    rejected.push(...written.rejected.slice(0, Math.max(0, REJECTED_MAX - rejected.length)));
  };
  const flush = async (): Promise<void> => {
    const set = waiting;
    waiting = [];
    await writing;
    if (set.length > 0) writing = write(set);
    // Whoever awaits it next is told.
    writing.catch(() => {});
  };
  const parse = format === 'csv' ? csvParser() : jsonParser();
  try {
    for await (const lines of readLines(body)) {
      for (const parsed of parse.read(lines)) {
        if (parsed.line <= resumeAfter) continue;
        waiting.push(parsed);
        if (waiting.length >= SET_ROWS) await flush();
      }
    }
    waiting.push(...parse.end().filter(({ line }) => line > resumeAfter));
    await flush();
  } finally {
    // Nothing is under way any more when the call has ended, whatever has ended it.
    await writing;
  }
  if (key !== undefined) await writeProgress(pool, key, progress, [], true);
  return { created: progress.created, updated: progress.updated, rejectedCount: progress.rejected, rejected };
}

async function writeSet(
  set: readonly Parsed[],
  { pool, actor, key, refuseUrl }: ImportOptions,
  before: ImportProgress,
): Promise<{ progress: ImportProgress; rejected: Rejection[] }> {
  const shops = await readLocales(pool);
  const rejected: Rejection[] = [];
  const rows = new Map<string, { row: ProductRow; line: number }>();
  let repeated = 0;
  for (const { line, values, problem } of set) {
    const row = problem ?? readRow(values ?? {}, shops, refuseUrl);
    if ('code' in row) rejected.push({ line, code: row.code, detail: row.detail });
    else {
      // The later line of an id counts, as it would in another set.
      if (rows.has(row.id)) repeated += 1;
      rows.set(row.id, { row, line });
    }
  }
  return inTransaction(pool, async (client) => {
    const written = await putProducts(
      client,
      [...rows.values()].map(({ row }) => row),
      { replace: false },
    );
    const created = [...written.values()].filter((isNew) => isNew).length;
    const progress = {
      lines: set.at(-1)?.line ?? before.lines,
      created: before.created + created,
      updated: before.updated + written.size - created + repeated,
      rejected: before.rejected + rejected.length,
    };
    if (before.lines === 0) await writeAudit(client, { actor, action: 'product.import', target: key ?? 'stream' });
    if (key !== undefined) await writeProgress(client, key, progress, rejected, false);
    return { progress, rejected };
  });
}

interface Parser {
  read(lines: readonly Line[]): Parsed[];
  end(): Parsed[];
}

function jsonParser(): Parser {
  return {
    read: (lines) =>
      lines.flatMap(({ number: line, text, problem }): Parsed[] => {
        if (problem) return [{ line, problem }];
        if (text.trim() === '') return [];
        let values: unknown;
        try {
          values = JSON.parse(text);
        } catch {
          return [{ line, problem: { code: 'invalid_json', detail: 'the line is no JSON' } }];
        }
        if (typeof values !== 'object' || values === null || Array.isArray(values))
          return [{ line, problem: { code: 'invalid_json', detail: 'the line is no JSON object' } }];
        const unknown = Object.keys(values).find((name) => !(COLUMNS as readonly string[]).includes(name));
        if (unknown !== undefined)
          return [{ line, problem: { code: 'unknown_field', detail: `${unknown.slice(0, 100)} is an unknown field` } }];
        return [{ line, values }];
      }),
    end: () => [],
  };
}

function csvParser(): Parser {
  let reader: CsvReader | undefined;
  let columns: (Column | undefined)[] = [];
  const parsed = (records: readonly CsvRecord[]): Parsed[] =>
    records.map(({ number: line, fields, problem }) =>
      problem
        ? { line, problem }
        : { line, values: Object.fromEntries(columns.map((column, n) => [column, fields[n]])) },
    );
  return {
    read(lines) {
      let rest = lines;
      if (!reader && rest.length > 0) {
        const [header, ...others] = rest as [Line, ...Line[]];
        const delimiter = delimiterOf(header.text);
        columns = headerColumns(header, delimiter);
        reader = new CsvReader(delimiter, columns.length);
        rest = others;
      }
      return reader ? parsed(reader.read(rest)) : [];
    },
    end: () => (reader ? parsed(reader.end()) : []),
  };
}

function headerColumns({ text, problem }: Line, delimiter: string): Column[] {
  if (problem) throw new ImportRefused('invalid_header', `the header: ${problem.detail}`);
  const names = new CsvReader(delimiter, text.split(delimiter).length).read([{ number: 1, text }])[0]?.fields ?? [];
  const columns = names.map((name) => {
    const column = columnOf(name);
    if (!column)
      throw new ImportRefused(
        'unknown_column',
        `the header has the unknown column ${JSON.stringify(name.slice(0, 60))}; known are ${COLUMNS.join(', ')}`,
      );
    return column;
  });
  for (const needed of ['id', 'shop', 'url'] as const)
    if (!columns.includes(needed)) throw new ImportRefused('missing_column', `the header has no column ${needed}`);
  if (new Set(columns).size < columns.length) throw new ImportRefused('repeated_column', 'a column appears twice');
  return columns;
}
