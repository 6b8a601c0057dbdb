// Rows as they come from a source: their values' bytes in UTF-8 as they arrived, and where each value is. Files are written
// from the bytes; a text is made only of a value that somebody looks at.

export type Row = readonly (string | null)[];

export interface Rows {
  count: number;
  columns: number;
  bytes: Uint8Array;
  /** Of each value, row by row, where it begins and ends in `bytes`; a null begins at -1. */
  places: Int32Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function textOf(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to));
}

/** The first rows as texts. */
export function textsOf({ count, columns, bytes, places }: Rows, rowsMax: number): Row[] {
  return Array.from({ length: Math.min(count, rowsMax) }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const at = 2 * (row * columns + column);
      const from = places[at] as number;
      return from < 0 ? null : textOf(bytes, from, places[at + 1] as number);
    }),
  );
}

/** From texts, for sources whose client gives them. */
export function rowsOf(rows: readonly Row[]): Rows {
  const columns = rows[0]?.length ?? 0;
  const values = rows.flatMap((row) => row.map((value) => (value === null ? null : encoder.encode(value))));
  const bytes = new Uint8Array(values.reduce((sum, value) => sum + (value?.length ?? 0), 0));
  const places = new Int32Array(values.length * 2);
  let at = 0;
  for (const [n, value] of values.entries()) {
    places[2 * n] = value === null ? -1 : at;
    if (value !== null) bytes.set(value, at);
    at += value?.length ?? 0;
    places[2 * n + 1] = at;
  }
  return { count: rows.length, columns, bytes, places };
}
