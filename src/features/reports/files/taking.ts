// The rows that a report takes of those that its source has: up to its limit, with the first ones kept for the mail.

import type { Row } from '../sources/source.ts';

export interface Taken {
  rows: number;
  /** There was at least one row beyond the limit. */
  more: boolean;
  first: Row[];
}

/** Counts into `taken` what it hands on. */
export async function* takeRows(
  batches: AsyncIterable<Row[]>,
  taken: Taken,
  { rowsMax, firstMax }: { rowsMax: number; firstMax: number },
): AsyncGenerator<Row[]> {
  for await (const batch of batches) {
    const left = rowsMax - taken.rows;
    const rows = batch.length > left ? batch.slice(0, left) : batch;
    if (taken.first.length < firstMax) taken.first.push(...rows.slice(0, firstMax - taken.first.length));
    taken.rows += rows.length;
    if (rows.length > 0) yield rows;
    if (batch.length > left) {
      taken.more = true;
      return;
    }
  }
}
