// CSV after RFC 4180. Values are as the source prints them, so that no digit is lost; a null is an empty field.

import type { Definition } from '../messages.ts';
import type { Column, Row } from '../sources/source.ts';
import type { Taken } from './taking.ts';
import { isFormulaLike, moreInWords } from './texts.ts';

const BOM = '\ufeff';
const LINE_END = '\r\n';

/** Pieces of the file, one for each batch of rows. */
export async function* csvFile(
  columns: readonly Column[],
  batches: AsyncIterable<Row[]>,
  taken: Taken,
  options: NonNullable<Definition['csv']> = {},
): AsyncGenerator<Buffer> {
  const separator = options.separator ?? (options.decimalComma ? ';' : ',');
  const quoted = new RegExp(`["\\r\\n${separator === '\t' ? '\\t' : `\\${separator}`}]|^$|^\\s|\\s$`);
  const field = (text: string): string => (quoted.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const writers = columns.map((column) => {
    if (column.kind === 'number' && options.decimalComma) return (value: string) => field(value.replace('.', ','));
    if (column.kind === 'text') return (value: string) => field(isFormulaLike(column, value) ? `'${value}` : value);
    return field;
  });
  const header = columns.map(({ name }) =>
    field(isFormulaLike({ name, type: 'text', kind: 'text' }, name) ? `'${name}` : name),
  );
  yield Buffer.from((options.bom ? BOM : '') + header.join(separator) + LINE_END);
  for await (const rows of batches) {
    let text = '';
    for (const row of rows) {
      for (let n = 0; n < row.length; n++) {
        const value = row[n];
        if (n > 0) text += separator;
        if (value !== null && value !== undefined) text += writers[n]?.(value);
      }
      text += LINE_END;
    }
    yield Buffer.from(text);
  }
  if (taken.more) yield Buffer.from(field(moreInWords(taken.rows)) + LINE_END);
}
