// XLSX in one pass: a sheet's XML of our own, zipped as it comes, so that memory stays bounded. Numbers are cells of
// numbers up to the 15 digits that a spreadsheet keeps and texts beyond; texts are string cells and never a formula.

import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { type Row, type Rows, textsOf } from '../sources/rows.ts';
import type { Column } from '../sources/source.ts';
import { Output } from './bytes.ts';
import type { Taken } from './taking.ts';
import { moreInWords } from './texts.ts';
import { cellWriter, STYLE } from './xlsx-cells.ts';
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
const ROW_START = Buffer.from('<row>');
const ROW_END = Buffer.from('</row>');
const EMPTY = Buffer.from('<c/>');
/** Rows that say how wide columns are. */
const WIDTH_ROWS = 100;

interface Progress {
  cut: number;
}

/** The file in pieces. What it says about limits is on a second sheet: the first has the header and the rows only. */
export async function* xlsxFile(
  title: string,
  columns: readonly Column[],
  batches: AsyncIterable<Rows>,
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
  batches: AsyncIterable<Rows>,
  progress: Progress,
): AsyncGenerator<Buffer> {
  const writers = columns.map(({ kind }) => cellWriter(kind, () => progress.cut++));
  const output = new Output();
  let isFirst = true;
  const start = (rows: readonly Row[]) => {
    const header = columns.map(({ name }) => textCell(name, () => progress.cut++, STYLE.header)).join('');
    output.text(`${sheetStart(widths(columns, rows))}<row>${header}</row>`);
  };
  for await (const rows of batches) {
    if (isFirst) start(textsOf(rows, WIDTH_ROWS));
    isFirst = false;
    const { count, bytes, places } = rows;
    let place = 0;
    for (let row = 0; row < count; row++) {
      output.add(ROW_START);
      for (const write of writers) {
        const from = places[place++] as number;
        const to = places[place++] as number;
        if (from < 0) output.add(EMPTY);
        else write(output, bytes, from, to);
      }
      output.add(ROW_END);
    }
    yield output.take();
  }
  if (isFirst) start([]);
  output.text(sheetEnd());
  yield output.take();
}

function widths(columns: readonly Column[], rows: readonly Row[]): number[] {
  return columns.map(({ name }, n) => {
    let width = name.length;
    for (const row of rows) width = Math.max(width, row[n]?.length ?? 0);
    return Math.min(60, Math.max(8, width + 2));
  });
}

function notesXml(notes: readonly string[]): string {
  const rows = notes.map((note) => `<row>${textCell(note, () => {})}</row>`).join('');
  return `${sheetStart([100], { frozen: false })}${rows}${sheetEnd()}`;
}
