// Retention of runs and of the history of changes, in bounded slices. What a schedule's runs are pruned to is kept, so that a
// backfill never fires twice what it can't know any more.

import type { Pool } from 'pg';

const SLICE_MAX = 1_000;
const SLICES_MAX = 100;

/** Deletes what is older than `retentionMs`, as far as one turn may go. */
export async function pruneSchedules(
  pool: Pool,
  retentionMs: number,
  goOn: () => Promise<boolean> = async () => true,
): Promise<number> {
  let pruned = 0;
  for (const text of [RUNS, CHANGES]) {
    for (let slice = 0; slice < SLICES_MAX; slice += 1) {
      const { rows } = await pool.query<{ count: number }>(text, [retentionMs, SLICE_MAX]);
      pruned += rows[0]?.count ?? 0;
      if ((rows[0]?.count ?? 0) < SLICE_MAX) break;
      if (!(await goOn())) return pruned;
    }
  }
  return pruned;
}

const RUNS = `
  with chosen as materialized (
    select schedule_id, at, slot from tem.schedule_run
    where at < statement_timestamp() - $1 * interval '1 ms' and not open and outcome <> 'buffered' order by at limit $2
  ), deleted as (
    delete from tem.schedule_run r using chosen c where r.schedule_id = c.schedule_id and r.at = c.at and r.slot = c.slot
  ), until as (
    update tem.schedule_state s set pruned_until = greatest(s.pruned_until, c.at)
    from (select schedule_id, max(at) as at from chosen group by schedule_id) c where s.schedule_id = c.schedule_id
  )
  select count(*)::int as count from chosen`;
const CHANGES = `
  with deleted as (
    delete from tem.schedule_change where id = any(array(
      select id from tem.schedule_change where at < statement_timestamp() - $1 * interval '1 ms' order by id limit $2)) returning 1
  )
  select count(*)::int as count from deleted`;
