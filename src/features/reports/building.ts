// From a definition to a kept file: the rows of its query, in its format, in pieces.

import type { Pool } from 'pg';
import { csvFile } from './files/csv.ts';
import { htmlFile } from './files/html.ts';
import { type Taken, takeRows } from './files/taking.ts';
import { XLSX_ROWS_MAX, xlsxFile } from './files/xlsx.ts';
import { type Definition, type ParameterValues, ROWS_DEFAULT, SECONDS_DEFAULT } from './messages.ts';
import { bind } from './parameters.ts';
import type { Sources } from './sources/index.ts';
import type { Row, Rows } from './sources/rows.ts';
import type { Column, Reading } from './sources/source.ts';
import type { Built } from './store/deliveries.ts';
import { storeFile } from './store/files.ts';

/** Rows of a report whose only form is the mail itself. */
export const HTML_ROWS_MAX = 500;
/** Rows that a mail shows of a report that is a file. */
const PREVIEW_ROWS = 20;
const DRY_RUN_ROWS = 20;
const DRY_RUN_WITHIN_MS = 30_000;
const FILE_NAME_MAX = 100;
// biome-ignore lint/suspicious/noControlCharactersInRegex: no file system takes them
const NOT_IN_NAMES = /[\x00-\x1f\x7f/\\:*?"<>|]+/g;

export interface Place {
  pool: Pool;
  sources: Sources;
  /** The zone of reports that name none. */
  timeZone: string;
}

/** Reads the first rows and sends nothing. */
export async function dryRun(
  { sources, timeZone }: Place,
  definition: Definition,
  parameters: ParameterValues,
): Promise<{ columns: Column[]; rows: Row[]; sql: string }> {
  const bound = bind(definition, parameters, sources.marksOf(definition.source));
  const source = await sources.get(definition.source);
  const reading: Reading = {
    ...bound,
    timeZone: definition.timeZone ?? timeZone,
    withinMs: Math.min(DRY_RUN_WITHIN_MS, timeLimitMs(definition)),
    rowsMax: DRY_RUN_ROWS,
  };
  return source.read(reading, async (columns, batches) => {
    const taken: Taken = { rows: 0, more: false, first: [] };
    for await (const _ of takeRows(batches, taken, { rowsMax: DRY_RUN_ROWS, firstMax: DRY_RUN_ROWS }));
    return { columns, rows: taken.first, sql: bound.text };
  });
}

/** Builds the whole file and keeps it. */
export async function buildFile(
  { pool, sources, timeZone }: Place,
  {
    delivery,
    definition,
    parameters,
    now,
    signal,
  }: {
    delivery: string;
    definition: Definition;
    parameters: ParameterValues;
    now: Date;
    signal: AbortSignal;
  },
): Promise<Omit<Built, 'keptForMs'>> {
  const zone = definition.timeZone ?? timeZone;
  const { format } = definition;
  const rowsMax = Math.min(
    definition.rowLimit ?? ROWS_DEFAULT,
    format === 'html' ? HTML_ROWS_MAX : format === 'xlsx' ? XLSX_ROWS_MAX : Number.MAX_SAFE_INTEGER,
  );
  const bound = bind(definition, parameters, sources.marksOf(definition.source));
  const source = await sources.get(definition.source);
  const reading: Reading = { ...bound, timeZone: zone, withinMs: timeLimitMs(definition), rowsMax, signal };
  return source.read(reading, async (columns, batches) => {
    const taken: Taken = { rows: 0, more: false, first: [] };
    const firstMax = format === 'html' ? HTML_ROWS_MAX : PREVIEW_ROWS;
    const rows = takeRows(batches, taken, { rowsMax, firstMax });
    const stored = await storeFile(pool, delivery, fileOf(definition, columns, rows, taken, now));
    const preview = { columns, rows: taken.first };
    return { ...stored, fileName: fileName(definition, now, zone), rows: taken.rows, more: taken.more, preview };
  });
}

async function* fileOf(
  { format, title, csv }: Definition,
  columns: Column[],
  rows: AsyncIterable<Rows>,
  taken: Taken,
  now: Date,
): AsyncGenerator<Uint8Array> {
  if (format === 'csv') return yield* csvFile(columns, rows, taken, csv);
  if (format === 'xlsx') return yield* xlsxFile(title, columns, rows, taken, now);
  for await (const _ of rows);
  yield htmlFile(title, columns, taken);
}

/** The title with the day in the report's zone; letters of every language stay. */
export function fileName({ title, format }: Pick<Definition, 'title' | 'format'>, now: Date, timeZone: string): string {
  const stem = title.replace(NOT_IN_NAMES, ' ').replace(/\s+/g, ' ').trim().replace(/^\.+/, '');
  return `${[...stem].slice(0, FILE_NAME_MAX).join('').trim() || 'report'} ${localDate(now, timeZone)}.${format}`;
}

export function localDate(now: Date, timeZone: string): string {
  // Swedish writes years, months and days as ISO does.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(now);
}

function timeLimitMs({ timeLimitSeconds = SECONDS_DEFAULT }: Definition): number {
  return timeLimitSeconds * 1_000;
}
