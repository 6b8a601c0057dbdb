// XLSX in one pass: a sheet's XML of our own, zipped as it comes, so that memory stays bounded. Numbers are cells of
// numbers up to the 15 digits that a spreadsheet keeps and texts beyond; texts are string cells and never a formula.

import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { Column, Row } from '../sources/source.ts';
import type { Taken } from './taking.ts';
import { moreInWords } from './texts.ts';
import {
  CELL_LETTERS_MAX,
  contentTypes,
  RELATIONSHIPS,
  STYLES,
  sheetEnd,
  sheetStart,
  textCell,
  WORKBOOK_RELATIONSHIPS,
  workbook,
} from './xlsx-parts.ts';

/** A sheet's rows, the header not counted. */
export const XLSX_ROWS_MAX = 1_048_575;
const COLUMNS_MAX = 16_384;
/** The fastest level packs sheets to within a third of the best. */
const COMPRESSION_LEVEL = 1;
const DIGITS_MAX = 15;
const DAY_MS = 86_400_000;
const EPOCH_MS = Date.UTC(1899, 11, 30);
/** Before it the calendar of spreadsheets has a day that never was. */
const FIRST_DAY_MS = Date.UTC(1900, 2, 1);
const STYLE = { date: 1, timestamp: 2, header: 3 } as const;

interface Progress {
  cut: number;
}

/** The file in pieces. What it says about limits is on a second sheet: the first has the header and the rows only. */
export async function* xlsxFile(
  title: string,
  columns: readonly Column[],
  batches: AsyncIterable<Row[]>,
  taken: Taken,
  now: Date,
): AsyncGenerator<Uint8Array> {
  if (columns.length > COLUMNS_MAX) throw new RangeError(`a sheet has at most ${COLUMNS_MAX} columns`);
  const progress: Progress = { cut: 0 };
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on('error', (error: Error) => output.destroy(error));
  const mtime = now;
  const sheet = Readable.from(sheetXml(columns, batches, progress), { objectMode: false, highWaterMark: 1 });
  sheet.once('error', (error) => output.destroy(error));
  zip.addReadStream(sheet, 'xl/worksheets/sheet1.xml', { mtime, compress: true, compressionLevel: COMPRESSION_LEVEL });
  sheet.once('end', () => {
    const notes = notesOf(taken, progress);
    const add = (text: string, name: string) => zip.addBuffer(Buffer.from(text), name, { mtime });
    if (notes.length > 0) add(notesXml(notes), 'xl/worksheets/sheet2.xml');
    add(contentTypes(notes.length > 0), '[Content_Types].xml');
    add(RELATIONSHIPS, '_rels/.rels');
    add(workbook(title, notes.length > 0), 'xl/workbook.xml');
    add(WORKBOOK_RELATIONSHIPS(notes.length > 0), 'xl/_rels/workbook.xml.rels');
    add(STYLES, 'xl/styles.xml');
    zip.end();
  });
  yield* output as AsyncIterable<Uint8Array>;
}

function notesOf(taken: Taken, progress: Progress): string[] {
  return [
    ...(taken.more ? [moreInWords(taken.rows)] : []),
    ...(progress.cut > 0
      ? [`${progress.cut} texts were cut at ${CELL_LETTERS_MAX} letters, the most that a cell holds`]
      : []),
  ];
}

async function* sheetXml(
  columns: readonly Column[],
  batches: AsyncIterable<Row[]>,
  progress: Progress,
): AsyncGenerator<Buffer> {
  const onCut = () => progress.cut++;
  let isFirst = true;
  const start = (rows: readonly Row[]) => {
    const header = columns.map(({ name }) => textCell(name, onCut, STYLE.header)).join('');
    return `${sheetStart(widths(columns, rows))}<row>${header}</row>`;
  };
  for await (const rows of batches) {
    let xml = isFirst ? start(rows) : '';
    isFirst = false;
    for (const row of rows) {
      xml += '<row>';
      for (let n = 0; n < row.length; n++) {
        const value = row[n];
        xml += value === null || value === undefined ? '<c/>' : cell((columns[n] as Column).kind, value, onCut);
      }
      xml += '</row>';
    }
    yield Buffer.from(xml);
  }
  yield Buffer.from(`${isFirst ? start([]) : ''}${sheetEnd()}`);
}

function cell(kind: Column['kind'], value: string, onCut: () => void): string {
  switch (kind) {
    case 'number':
      return isNumber(value) ? `<c><v>${value}</v></c>` : textCell(value, onCut);
    case 'boolean':
      return `<c t="b"><v>${value === 't' || value === 'true' ? 1 : 0}</v></c>`;
    case 'date':
    case 'timestamp': {
      const serial = serialOf(value);
      return serial === undefined ? textCell(value, onCut) : `<c s="${STYLE[kind]}"><v>${serial}</v></c>`;
    }
    default:
      return textCell(value, onCut);
  }
}

/** Whether a double, of which a spreadsheet shows 15 digits, says the same. */
function isNumber(value: string): boolean {
  const match = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(value);
  if (!match) return false;
  const digits = `${match[1]}${match[2] ?? ''}`.replace(/^0+/, '');
  const significant = match[2] === undefined ? digits.replace(/0+$/, '') : digits;
  return significant.length <= DIGITS_MAX && Math.abs(Number(match[3] ?? 0)) <= 300 && digits.length <= 300;
}

/** Days since the end of 1899 of the time as it is printed, in the report's zone. */
function serialOf(value: string): string | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(\.\d+)?(?:[+-]\d\d(?::?\d\d){0,2})?)?$/.exec(value);
  if (!match) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0'] = match;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  if (ms < FIRST_DAY_MS) return undefined;
  const days = (ms + Number(fraction) * 1_000 - EPOCH_MS) / DAY_MS;
  return String(Number(days.toFixed(10)));
}

function widths(columns: readonly Column[], rows: readonly Row[]): number[] {
  return columns.map(({ name }, n) => {
    let width = name.length;
    for (const row of rows.slice(0, 100)) width = Math.max(width, row[n]?.length ?? 0);
    return Math.min(60, Math.max(8, width + 2));
  });
}

function notesXml(notes: readonly string[]): string {
  const rows = notes.map((note) => `<row>${textCell(note, () => {})}</row>`).join('');
  return `${sheetStart([100], { frozen: false })}${rows}${sheetEnd()}`;
}
