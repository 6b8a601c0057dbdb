// Retention: ended events are deleted, or emptied to their key and a digest of their payload when a caller chose the key,
// so that a late repeat is still recognised (rule 14). It walks the ledger by id in bounded slices and begins anew at the
// end, because an old event may have ended only lately.

import type { Pool } from 'pg';

const SLICE_MAX = 1_000;
const SLICES_PER_TURN_MAX = 50;

/** Prunes what ended more than `retentionMs` ago, as far as one turn may go; resolves to how many events. */
export async function prune(pool: Pool, retentionMs: number): Promise<number> {
  let pruned = 0;
  for (let slice = 0; slice < SLICES_PER_TURN_MAX; slice++) {
    const { rows } = await pool.query<{ pruned: number; looked: number }>({
      text: PRUNE,
      values: [retentionMs, SLICE_MAX],
    });
    pruned += rows[0]?.pruned ?? 0;
    if ((rows[0]?.looked ?? 0) < SLICE_MAX) break;
  }
  return pruned;
}

const PRUNE = `
  with slice as materialized (
    select e.id, e.key = e.id::text as own_key,
      not e.pruned and e.state in ('PROCESSED', 'EXTINCT', 'CANCELLED')
        and e.updated_at < clock_timestamp() - $1 * interval '1 ms' as prunable
    from tem.event e
    where e.id > (select pruned_until from tem.ledger)
      -- Ids begin with their time: none below this one is younger than the retention.
      and e.id < (rpad(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000 - $1)::bigint), 12, '0'), 32, '0'))::uuid
    order by e.id limit $2
  ), deleted as (
    delete from tem.event where id in (select id from slice where prunable and own_key)
  ), forgotten as (
    delete from tem.transition where event_id in (select id from slice where prunable and not own_key)
  ), emptied as (
    update tem.event set payload = to_jsonb(md5(payload::text)), result = null, last_error = null, pruned = true
    where id in (select id from slice where prunable and not own_key)
  ), walked as (
    update tem.ledger set pruned_until = coalesce(
      (select id from slice order by id desc offset 0 limit (case when (select count(*) from slice) = $2 then 1 else 0 end)),
      '00000000-0000-0000-0000-000000000000')
  )
  select count(*) filter (where prunable)::int as pruned, count(*)::int as looked from slice`;
