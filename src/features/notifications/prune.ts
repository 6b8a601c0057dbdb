// Retention of the inboxes: what was read goes after a while, what nobody reads later. It reads what it deletes: what was
// read by the time when it was, the rest by the ids of events, which begin with their time.

import type { Pool } from 'pg';
import type { NotificationSettings } from './settings.ts';

const SLICE_MAX = 1_000;
const MS_BITS_HEX = 12;

const READ = `
  with chosen as materialized (
    select event_id from tem.notification where read_at < statement_timestamp() - $1 * interval '1 ms'
    order by read_at limit $2 for update skip locked
  )
  delete from tem.notification where event_id = any(array(select event_id from chosen))`;
// An event may have waited for long before it was one: its notification is younger, and stays for as long as another.
// Not `is null`: the index of unread ones would serve that, with all of them.
const UNREAD = `
  with chosen as materialized (
    select event_id from tem.notification
    where event_id < $3::uuid and created_at < statement_timestamp() - $1 * interval '1 ms' and num_nulls(read_at) = 1
    order by event_id limit $2 for update skip locked
  )
  delete from tem.notification where event_id = any(array(select event_id from chosen))`;
const CLOCK = 'select extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"';

/** Deletes a slice of what is old; resolves to whether more may be left. */
export async function pruneInboxes(
  pool: Pool,
  { readRetentionMs, unreadRetentionMs }: Pick<NotificationSettings, 'readRetentionMs' | 'unreadRetentionMs'>,
): Promise<boolean> {
  const { rows } = await pool.query<{ nowMs: number }>(CLOCK);
  const first = firstIdAt((rows[0]?.nowMs ?? 0) - unreadRetentionMs);
  const read = await pool.query(READ, [readRetentionMs, SLICE_MAX]);
  const unread = await pool.query(UNREAD, [unreadRetentionMs, SLICE_MAX, first]);
  return read.rowCount === SLICE_MAX || unread.rowCount === SLICE_MAX;
}

/** Below all ids of events that were made at this time, in Unix milliseconds. */
function firstIdAt(ms: number): string {
  const time = Math.max(0, Math.trunc(ms)).toString(16).padStart(MS_BITS_HEX, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}
