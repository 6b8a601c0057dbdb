// Retention: ended events are deleted, or emptied to their key and a digest of their payload when a caller chose the key,
// so that a late repeat is still recognised (rule 14). It walks the ledger by id in bounded slices and begins anew at the
// end, because an old event may have ended only lately.

import type { Pool } from 'pg';
import { ENDED_SQL } from './states.ts';

const SLICE_MAX = 1_000;
/** 200,000 events a turn: a turn a minute keeps up with more events than one machine handles. */
const SLICES_PER_TURN_MAX = 200;

export interface Retention {
  retentionMs: number;
  /** Of types that have their own. */
  ofTypes?: readonly { name: string; retentionMs: number }[];
  slicesMax?: number;
}

/** Prunes what ended longer ago than its retention, as far as one turn may go; resolves to how many events. */
export async function prune(
  pool: Pool,
  { retentionMs, ofTypes = [], slicesMax = SLICES_PER_TURN_MAX }: Retention,
): Promise<number> {
  let pruned = 0;
  for (let slice = 0; slice < slicesMax; slice++) {
    const { rows } = await pool.query<{ pruned: number; looked: number }>({
      text: PRUNE,
      values: [retentionMs, SLICE_MAX, ofTypes.map(({ name }) => name), ofTypes.map((type) => type.retentionMs)],
    });
    pruned += rows[0]?.pruned ?? 0;
    if ((rows[0]?.looked ?? 0) < SLICE_MAX) break;
  }
  return pruned;
}

const PRUNABLE = `not e.pruned and e.state in ${ENDED_SQL}
        and e.updated_at < clock_timestamp()
          - coalesce((select retention_ms from own where own.type = e.type), $1) * interval '1 ms'`;
const PRUNE = `
  with own as materialized (
    select * from unnest($3::text[], $4::float8[]) as o(type, retention_ms)
  ), slice as materialized (
    select e.id, ${PRUNABLE} as prunable from tem.event e
    where e.id > (select pruned_until from tem.ledger)
      -- Ids begin with their time: none below this one is younger than the shortest retention.
      and e.id < (rpad(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000
        - least($1, (select min(retention_ms) from own)))::bigint), 12, '0'), 32, '0'))::uuid
    order by e.id limit $2
  ), chosen as materialized (
    -- Asked again under its lock: a person may be reviving it at this moment. The next walk finds what is passed over.
    select e.id, e.key = e.id::text as own_key from tem.event e
    where e.id = any(array(select id from slice where prunable)) and ${PRUNABLE}
    order by e.id for update of e skip locked
  ), deleted as (
    delete from tem.event where id = any(array(select id from chosen where own_key))
  ), forgotten as (
    delete from tem.transition where event_id = any(array(select id from chosen where not own_key))
  ), emptied as (
    update tem.event set payload = to_jsonb(md5(payload::text)), result = null, last_error = null,
      compensation_error = null, pruned = true
    where id = any(array(select id from chosen where not own_key))
  ), walked as (
    update tem.ledger set pruned_until = coalesce(
      (select id from slice order by id desc offset 0 limit (case when (select count(*) from slice) = $2 then 1 else 0 end)),
      '00000000-0000-0000-0000-000000000000')
  )
  select (select count(*) from chosen)::int as pruned, (select count(*) from slice)::int as looked`;
