// Retention of reports: files when their time is over, those that broke off, and deliveries with the events that they are of.

import type { Pool } from 'pg';

/** A file is up to thousands of pieces: few at a time. */
const FILES_MAX = 5;
const DELIVERIES_MAX = 500;
/** An attempt lasts 2 h at most: a file that no delivery has by then broke off. */
const UNFINISHED_MS = 6 * 3_600_000;

const EXPIRED = `
  with chosen as (
    select id, file from tem.report_delivery where file is not null and file_until < clock_timestamp()
    order by file_until limit $1 for update skip locked
  ), forgotten as (
    update tem.report_delivery d set file = null from chosen c where d.id = c.id returning c.file
  )
  delete from tem.report_file f using forgotten where f.id = forgotten.file`;
const BROKEN_OFF = `
  delete from tem.report_file where id in (
    select f.id from tem.report_file f join tem.report_delivery d on d.id = f.delivery
    where f.created_at < clock_timestamp() - $2 * interval '1 ms' and d.file is distinct from f.id
    order by f.created_at limit $1)`;
const OLD = `
  delete from tem.report_delivery where id in (
    select id from tem.report_delivery where created_at < clock_timestamp() - $2 * interval '1 ms' and file is null
      and finished_at is not null order by created_at limit $1)`;

/** Deletes a slice of what is old; resolves to whether more may be left. */
export async function pruneReports(pool: Pool, { retentionMs }: { retentionMs: number }): Promise<boolean> {
  const expired = await pool.query(EXPIRED, [FILES_MAX]);
  const brokenOff = await pool.query(BROKEN_OFF, [FILES_MAX, UNFINISHED_MS]);
  const old = await pool.query(OLD, [DELIVERIES_MAX, retentionMs]);
  return expired.rowCount === FILES_MAX || brokenOff.rowCount === FILES_MAX || old.rowCount === DELIVERIES_MAX;
}
