// Retention: ended events are deleted, or emptied to their key and a digest of their payload when a caller chose the key,
// so that a late repeat is still recognised (rule 14). What a key leaves behind goes after a time of its own. It reads what
// it deletes, in slices: the index of ended events is in the order of their end.

import type { Pool } from 'pg';
import { ENDED_SQL, ENDED_STATES } from './states.ts';

const SLICE_MAX = 1_000;
/** 200,000 events a turn: a turn a minute keeps up with more events than one machine handles. */
const SLICES_PER_TURN_MAX = 200;

export interface Retention {
  retentionMs: number;
  /** Of types that have their own. */
  ofTypes?: readonly { name: string; retentionMs: number }[];
  /** How long after its end the key of an event is remembered. */
  keyRetentionMs: number;
  slicesMax?: number;
  /** Asked after each slice: whether it may go on. */
  goOn?(): Promise<boolean>;
}

/** Prunes what ended longer ago than its retention, as far as one turn may go; resolves to how many events. */
export async function prune(
  pool: Pool,
  { retentionMs, ofTypes = [], keyRetentionMs, slicesMax = SLICES_PER_TURN_MAX, goOn = async () => true }: Retention,
): Promise<number> {
  const own = [ofTypes.map(({ name }) => name), ofTypes.map((type) => type.retentionMs)];
  let pruned = 0;
  let slices = 0;
  for (const [text, values] of [
    [PRUNE, [retentionMs, SLICE_MAX, ...own, ENDED_STATES]],
    [FORGET, [keyRetentionMs, SLICE_MAX]],
  ] as const) {
    for (let count = SLICE_MAX; count === SLICE_MAX && slices < slicesMax; slices++) {
      const { rows } = await pool.query<{ count: number }>({ text, values: [...values] });
      count = rows[0]?.count ?? 0;
      pruned += count;
      if (!(await goOn())) return pruned;
    }
  }
  return pruned;
}

// Of each type and state what ended first, by a time that doesn't change while an index is read. What another has locked, such as a person who revives it, is passed by.
const PRUNE = `
  with recursive own as materialized (
    select * from unnest($3::text[], $4::float8[]) as o(type, retention_ms)
  ), types as (
    (select e.type from tem.event e where e.state in ${ENDED_SQL} and not e.pruned order by e.type limit 1)
    union all
    select next.type from types t cross join lateral (
      select e.type from tem.event e where e.type > t.type and e.state in ${ENDED_SQL} and not e.pruned
      order by e.type limit 1) next
  ), chosen as materialized (
    select old.id, old.own_key
    from types t cross join unnest($5::text[]) as s(state)
      cross join lateral (
        select statement_timestamp() - coalesce((select o.retention_ms from own o where o.type = t.type), $1) * interval '1 ms' as at
      ) as ended_before
      cross join lateral (
        select e.id, e.key = e.id::text as own_key from tem.event e
        where e.type = t.type and e.state = s.state and e.state in ${ENDED_SQL} and not e.pruned
          and e.updated_at < ended_before.at
          -- One that holds others is not forgotten while it does.
          and not (e.line is not null and e.state = 'EXTINCT' and exists (select from tem.line l where l.event_id = e.id and l.id = e.line))
        order by e.updated_at limit $2 for update skip locked
      ) old
    limit $2
  ), deleted as (
    delete from tem.event where id = any(array(select id from chosen where own_key))
  ), forgotten as (
    delete from tem.transition where event_id = any(array(select id from chosen where not own_key))
  ), edits as (
    delete from tem.previous_payload where event_id = any(array(select id from chosen where not own_key))
  ), emptied as (
    update tem.event set payload = to_jsonb(tem.payload_digest(payload)), result = null, last_error = null,
      compensation_error = null, line = null, trace_context = null, pruned = true
    where id = any(array(select id from chosen where not own_key))
  )
  select (select count(*) from chosen)::int as count`;
const FORGET = `
  with chosen as materialized (
    select id from tem.event where pruned and updated_at < statement_timestamp() - $1 * interval '1 ms'
    order by updated_at limit $2 for update skip locked
  ), deleted as (
    delete from tem.event where id = any(array(select id from chosen))
  )
  select (select count(*) from chosen)::int as count`;
