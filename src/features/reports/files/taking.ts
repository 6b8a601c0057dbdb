// The rows that a report takes of those that its source has: up to its limit, with the first ones kept for the mail.

import { type Row, type Rows, textsOf } from '../sources/rows.ts';

export interface Taken {
  rows: number;
  /** There was at least one row beyond the limit. */
  more: boolean;
  first: Row[];
}

/** Counts into `taken` what it hands on. */
export async function* takeRows(
  batches: AsyncIterable<Rows>,
  taken: Taken,
  { rowsMax, firstMax }: { rowsMax: number; firstMax: number },
): AsyncGenerator<Rows> {
  for await (const batch of batches) {
    const left = rowsMax - taken.rows;
    const rows = batch.count > left ? { ...batch, count: left } : batch;
    if (taken.first.length < firstMax) taken.first.push(...textsOf(rows, firstMax - taken.first.length));
    taken.rows += rows.count;
    if (rows.count > 0) yield rows;
    if (batch.count > left) taken.more = true;
  }
}
