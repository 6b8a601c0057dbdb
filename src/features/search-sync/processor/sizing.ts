// How many rows a batch takes: more while all goes well, half when a target has no room or documents are large.

const ROWS_MIN = 10;
const ROWS_AT_START = 500;
const ROWS_MAX = 1_000;
const GROWTH = 50;
/** A batch of more is cut: it stays long in hand, and a processor that dies with it costs more. */
const BYTES_MAX = 8_000_000;

export interface Sizing {
  rows(): number;
  learn(result: { done: number; later: number; bytes: number }): void;
}

export function createSizing(): Sizing {
  let rows = ROWS_AT_START;
  return {
    rows: () => rows,
    learn({ done, later, bytes }) {
      if (later > 0 || bytes > BYTES_MAX) rows = Math.max(ROWS_MIN, Math.floor(rows / 2));
      else if (done > 0) rows = Math.min(ROWS_MAX, rows + GROWTH);
    },
  };
}
