// Retention of the queue: completed rows go after their time, in slices.

import type pg from 'pg';
import { QUEUE, readQueueTable } from './queue/table.ts';

const SLICE_ROWS = 5_000;
const CHANGES_KEPT_DAYS = 90;

/** Resolves to whether more may be left. */
export async function pruneQueue(pool: pg.Pool, keepCompletedMs: number): Promise<boolean> {
  await pool.query(`delete from tem.search_change where at < now() - interval '${CHANGES_KEPT_DAYS} days'`);
  if (!(await readQueueTable(pool))) return false;
  const { rowCount } = await pool.query(
    `delete from ${QUEUE} where id in (
      select q.id from ${QUEUE} q where q.status = 'completed' and q.created_at < now() - $1 * interval '1 ms'
        and q.processed_at < now() - $1 * interval '1 ms' order by q.created_at limit ${SLICE_ROWS} for update skip locked)`,
    [keepCompletedMs],
  );
  return rowCount === SLICE_ROWS;
}
