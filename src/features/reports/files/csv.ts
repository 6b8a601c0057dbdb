// CSV after RFC 4180. Values are as the source prints them, so that no digit is lost; a null is an empty field.

import type { Definition } from '../messages.ts';
import { type Rows, textOf } from '../sources/rows.ts';
import type { Column } from '../sources/source.ts';
import { Output, tableOf } from './bytes.ts';
import type { Taken } from './taking.ts';
import { FORMULA_STARTS, isFormulaLike, moreInWords } from './texts.ts';

const BOM = '\ufeff';
const CR = 13;
const LF = 10;
const QUOTE = 34;
const APOSTROPHE = 39;
const COMMA = 44;
const POINT = 46;
const SPACES = tableOf(Buffer.from(' \t\n\v\f\r'));
const FORMULA = tableOf(Buffer.from(FORMULA_STARTS));
const TEXT = { name: '', type: 'text', kind: 'text' } as const;

type Options = NonNullable<Definition['csv']>;
type Write = (output: Output, bytes: Uint8Array, from: number, to: number) => void;

/** Pieces of the file, one for each batch of rows. */
export async function* csvFile(
  columns: readonly Column[],
  batches: AsyncIterable<Rows>,
  taken: Taken,
  options: Options = {},
): AsyncGenerator<Buffer> {
  const separator = (options.separator ?? (options.decimalComma ? ';' : ',')).charCodeAt(0);
  const writers = columns.map((column) => writerOf(column, separator, options));
  const line = (texts: readonly string[]) => {
    for (const [n, text] of texts.entries()) {
      const value = Buffer.from(text);
      if (n > 0) output.text(String.fromCharCode(separator));
      if (value.length > 0) writerOf(TEXT, separator, options)(output, value, 0, value.length);
    }
    output.text('\r\n');
  };
  const output = new Output();
  if (options.bom) output.text(BOM);
  line(columns.map(({ name }) => name));
  yield output.take();
  for await (const rows of batches) {
    writeRows(output, rows, writers, separator);
    yield output.take();
  }
  if (taken.more) {
    line([moreInWords(taken.rows)]);
    yield output.take();
  }
}

function writeRows(output: Output, { count, columns, bytes, places }: Rows, writers: Write[], separator: number): void {
  let place = 0;
  for (let row = 0; row < count; row++) {
    output.need(columns + 2);
    for (let column = 0; column < columns; column++) {
      if (column > 0) output.bytes[output.length++] = separator;
      const from = places[place++] as number;
      const to = places[place++] as number;
      if (from < 0) continue;
      // Every byte may be a quote, and there are two around.
      output.need(2 * (to - from) + columns + 8);
      (writers[column] as Write)(output, bytes, from, to);
    }
    output.bytes[output.length++] = CR;
    output.bytes[output.length++] = LF;
  }
}

function writerOf(column: Column, separator: number, { decimalComma }: Options): Write {
  const isText = column.kind === 'text';
  const isNumber = column.kind === 'number' && decimalComma === true;
  const quoted = tableOf([QUOTE, CR, LF, separator, ...(isNumber && separator === COMMA ? [POINT] : [])]);
  return (output, bytes, from, to) => {
    const first = bytes[from] as number;
    const isQuoted = from === to || SPACES[first] === 1 || SPACES[bytes[to - 1] as number] === 1;
    const isFormula = isText && FORMULA[first] === 1 && isFormulaLike(column, textOf(bytes, from, to));
    const into = output.bytes;
    const start = output.length;
    let at = start;
    if (!isQuoted) {
      if (isFormula) into[at++] = APOSTROPHE;
      let n = from;
      for (; n < to; n++) {
        const byte = bytes[n] as number;
        if (quoted[byte] === 1) break;
        into[at++] = isNumber && byte === POINT ? COMMA : byte;
      }
      if (n === to) {
        output.length = at;
        return;
      }
      at = start;
    }
    into[at++] = QUOTE;
    if (isFormula) into[at++] = APOSTROPHE;
    for (let n = from; n < to; n++) {
      const byte = bytes[n] as number;
      if (byte === QUOTE) into[at++] = QUOTE;
      into[at++] = isNumber && byte === POINT ? COMMA : byte;
    }
    into[at++] = QUOTE;
    output.length = at;
  };
}
