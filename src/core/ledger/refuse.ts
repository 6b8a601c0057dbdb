// Ending events that no attempt can help: their payload is refused by the schema, or nobody knows their type.

import type { Pool } from 'pg';

/** Ends claimed events that haven't begun: QUEUED -> EXTINCT with the reason. Resolves to the ids of those that were. */
export async function refuseQueued(
  pool: Pool,
  refused: readonly { id: string; generation: number; error: string }[],
  actor: string,
): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>(
    `with chosen as materialized (
       select e.id, c.error from tem.event e join unnest($1::uuid[], $2::int[], $3::text[]) as c(id, generation, error)
         on e.id = c.id and e.generation = c.generation
       where e.state = 'QUEUED' order by e.id for update of e skip locked
     ), ended as (
       update tem.event e set state = 'EXTINCT', version = e.version + 1, updated_at = clock_timestamp(),
         last_error = chosen.error, due_at = null, due_by = null, worker_id = null, locked_at = null, cancel_requested = false,
         compensating = false
       from chosen where e.id = chosen.id returning e.id, e.version, chosen.error, e.retry_count
     )
     insert into tem.transition (event_id, version, from_state, to_state, attempt, error, actor)
     select id, version, 'QUEUED', 'EXTINCT', retry_count, error, $4 from ended returning event_id as id`,
    [refused.map((each) => each.id), refused.map((each) => each.generation), refused.map((each) => each.error), actor],
  );
  return new Set(rows.map((row) => row.id));
}

/**
 * Ends a slice of waiting events, in whatever state, whose type no live worker has known for `afterMs`; resolves to how
 * many. What has begun stays uncompensated, and says so. While no worker lives at all nobody is to say what is unknown.
 */
export async function endUnknownTypes(pool: Pool, afterMs: number, limit: number): Promise<number> {
  await pool.query(`
    with known as (
      select distinct unnest(types) as type from tem.worker where lease_until > clock_timestamp()
    ), seen as (
      select t.name from tem.event_type t join known k on k.type = t.name order by t.name for update of t skip locked
    )
    update tem.event_type t set last_seen_at = clock_timestamp() from seen where t.name = seen.name`);
  const { rowCount } = await pool.query(
    `with recursive known as (
       select distinct unnest(types) as type from tem.worker where lease_until > clock_timestamp()
     ), waiting as (
       -- One descent of the index per type, however many events wait.
       (select type from tem.event where due_at is not null order by type limit 1)
       union all
       select next.type from waiting w cross join lateral (
         select type from tem.event where due_at is not null and type > w.type order by type limit 1
       ) next
     ), unknown as (
       select w.type, t.last_seen_at, t.compensates from waiting w
         left join tem.event_type t on t.name = w.type
       where w.type not in (select type from known)
         and coalesce(t.last_seen_at < clock_timestamp() - $1 * interval '1 ms', true)
     ), chosen as materialized (
       select e.id, e.state, 'no live worker knew the event type ' || u.type as error,
           e.begun and coalesce(u.compensates, false) as uncompensated
         from unknown u cross join lateral (
           select id, state, begun from tem.event
           where due_at is not null and type = u.type
             -- Who stood in line is due only since its turn has come.
             and greatest(case when line is null then due_at else run_at end, created_at) < clock_timestamp() - $1 * interval '1 ms'
           order by lane, priority, "group", due_at limit $2 for update skip locked
         ) e
       where exists (select from known) limit $2
     ), ended as (
       update tem.event e set state = case when e.cancel_requested then 'CANCELLED' else 'EXTINCT' end,
         version = e.version + 1, updated_at = clock_timestamp(),
         last_error = case when e.cancel_requested then e.last_error
           else concat(c.error, '; before that: ' || e.last_error) end,
         compensation_error = case when c.uncompensated then concat(c.error, '; before that: ' || e.compensation_error)
           else e.compensation_error end,
         due_at = null, due_by = null, next_retry_at = null, locked_at = null, worker_id = null,
         cancel_requested = false, compensating = false
       from chosen c where e.id = c.id
       returning e.id, e.version, c.state as from_state, e.state as to_state, c.error, e.retry_count
     )
     insert into tem.transition (event_id, version, from_state, to_state, attempt, error, actor)
     select id, version, from_state, to_state, retry_count, error, 'reconciler' from ended`,
    [afterMs, limit],
  );
  return rowCount ?? 0;
}
