// Cleanup by rule, in bounded slices: history older than 90 days keeps the last price of each day, minutes are kept for a
// week, and what ended sweeps, imports and deals leave behind for a while.

import type { Pool } from 'pg';

const SLICE_ROWS = 5_000;
const SLICES_MAX = 10_000;

// In order of time, from where the slice before has ended: what is kept is looked at once. The row that follows is looked up
// by a scalar query, because a join would compare all rows of a product with each other.
const THIN = `
  with gone as (
    delete from tem.price_history where ctid = any(array(
      select h.ctid from tem.price_history h where h.at >= $2::timestamptz and h.at < now() - interval '90 days' and (
        select true from tem.price_history l where l.product = h.product and l.at > h.at
          and l.at < date_trunc('day', h.at) + interval '1 day' limit 1)
      order by h.at limit $1))
    returning at)
  select count(*)::int as deleted, max(at)::text as until from gone`;

const RULES: Readonly<Record<string, string>> = {
  minutes: `delete from tem.price_minute where ctid = any(array(
    select ctid from tem.price_minute where minute < now() - interval '7 days' limit $1))`,
  sweeps: `delete from tem.price_sweep where id = any(array(
    select id from tem.price_sweep where ended_at < now() - interval '30 days' limit $1))`,
  imports: `delete from tem.price_import where key = any(array(
    select key from tem.price_import where updated_at < now() - interval '30 days' limit $1))`,
  deals: `delete from tem.price_deal where id = any(array(
    select id from tem.price_deal where ended_at < now() - interval '1 year' limit $1))`,
  robots: `delete from tem.price_robots where origin = any(array(
    select origin from tem.price_robots where expires_at < now() - interval '1 day' limit $1))`,
};

/** Resolves to how many rows each rule has deleted. */
export async function clean(
  pool: Pool,
  signal: AbortSignal,
  heartbeat: (done: Record<string, number>) => void,
): Promise<Record<string, number>> {
  const deleted: Record<string, number> = { history: 0 };
  let from = '-infinity';
  for (let slice = 0; slice < SLICES_MAX; slice += 1) {
    signal.throwIfAborted();
    const { rows } = await pool.query<{ deleted: number; until: string | null }>(THIN, [SLICE_ROWS, from]);
    const [gone] = rows;
    deleted.history = (deleted.history ?? 0) + (gone?.deleted ?? 0);
    heartbeat(deleted);
    if (!gone || gone.deleted < SLICE_ROWS || gone.until === null) break;
    from = gone.until;
  }
  for (const [name, statement] of Object.entries(RULES)) {
    for (let slice = 0; slice < SLICES_MAX; slice += 1) {
      signal.throwIfAborted();
      const { rowCount } = await pool.query(statement, [SLICE_ROWS]);
      deleted[name] = (deleted[name] ?? 0) + (rowCount ?? 0);
      heartbeat(deleted);
      if ((rowCount ?? 0) < SLICE_ROWS) break;
    }
  }
  return deleted;
}
