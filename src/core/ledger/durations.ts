// How long the events of each type waited and how long their last attempts took: the newest ones that were processed, so that
// it costs the same however many there are.

import type { Pool, PoolClient } from 'pg';

export interface TypeDurations {
  /** How many events the means are of. */
  events: number;
  /** From when an event was due, or was accepted, to its first attempt: means, in ms. */
  waitedMs: number;
  /** Of the attempt that processed it. */
  attemptMs: number;
}

/** Of each type, by default: those of the last hour, and the newest of them. */
const EVENTS_MAX = 100;
const WINDOW_S = 3_600;
const TYPES_MAX = 500;

const DURATIONS = `
  with recursive types as (
    (select type, 1 as n from tem.event order by type limit 1)
    union all
    select next.type, t.n + 1 from types t cross join lateral (
      select e.type from tem.event e where e.type > t.type order by e.type limit 1) next
    where t.n < ${TYPES_MAX}
  )
  select t.type, count(*)::int as events, avg(one.waited)::float8 as "waitedMs", avg(one.attempt)::float8 as "attemptMs"
  from types t cross join lateral (
    select extract(epoch from h.first_begun - greatest(e.run_at, e.created_at)) * 1000 as waited,
        extract(epoch from e.processed_at - h.last_begun) * 1000 as attempt
      from (
        select id, run_at, created_at, processed_at from tem.event
          where type = t.type and state = 'PROCESSED' and not pruned and updated_at > now() - interval '${WINDOW_S} s'
          order by updated_at desc limit ${EVENTS_MAX}
      ) e cross join lateral (
        select min(at) as first_begun, max(at) as last_begun from tem.transition
          where event_id = e.id and to_state = 'PROCESSING'
      ) h
  ) one
  where one.attempt is not null
  group by t.type`;

/** By type; types of which nothing was processed lately are left out. */
export async function readDurations(client: Pool | PoolClient): Promise<Record<string, TypeDurations>> {
  const { rows } = await client.query<TypeDurations & { type: string }>(DURATIONS);
  return Object.fromEntries(
    rows.map(({ type, events, waitedMs, attemptMs }) => [
      type,
      { events, waitedMs: Math.max(0, Math.round(waitedMs)), attemptMs: Math.max(0, Math.round(attemptMs)) },
    ]),
  );
}
