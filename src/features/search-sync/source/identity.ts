// A record's id as one text: the queue's `record_id` and the document's `_id`. Of several columns the texts stand between
// colons, with a backslash before a colon or backslash of their own, so that it can be taken apart again.

import pg from 'pg';
import type { Identity } from '../mapping.ts';

/** Both products refuse longer ones. */
export const ID_BYTES_MAX = 512;

/** The id as an SQL expression over the columns of `alias`. */
export function idSql(id: readonly Identity[], alias: string): string {
  const text = ({ column }: Identity): string => `${alias}.${pg.escapeIdentifier(column)}::text`;
  if (id.length === 1 && id[0]) return text(id[0]);
  const escaped = id.map((each) => `replace(replace(${text(each)}, '\\', '\\\\'), ':', '\\:')`);
  return escaped.join(` || ':' || `);
}

/** The texts of the id's columns. An id that has another number of them belongs to no row: undefined. */
export function splitId(id: readonly Identity[], text: string): string[] | undefined {
  if (id.length === 1) return [text];
  const parts = [''];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === ':') parts.push('');
    else {
      if (character === '\\') at += 1;
      parts[parts.length - 1] += text[at] ?? '';
    }
  }
  return parts.length === id.length ? parts : undefined;
}

/** The columns of the id, quoted, of `alias`. */
export function idColumns(id: readonly Identity[], alias: string): string {
  return id.map(({ column }) => `${alias}.${pg.escapeIdentifier(column)}`).join(', ');
}

/** Rows of `alias` whose id is in the arrays of text that are the parameters from `first` on, one for each column. */
export function idIn(id: readonly Identity[], alias: string, first: number): string {
  const [only] = id;
  if (id.length === 1 && only) {
    return `${alias}.${pg.escapeIdentifier(only.column)} = any(($${first}::text[])::${only.type}[])`;
  }
  const arrays = id.map(({ type }, index) => `($${first + index}::text[])::${type}[]`);
  return `(${idColumns(id, alias)}) in (select * from unnest(${arrays.join(', ')}))`;
}

/** The same texts as the parameters of `idIn`. */
export function idParameters(id: readonly Identity[], parts: readonly string[][]): string[][] {
  return id.map((_, index) => parts.map((each) => each[index] ?? ''));
}
