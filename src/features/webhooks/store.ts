// How webhooks go, by target: read from the newest events of the type, so that it costs the same however many there are.

import type { Pool } from 'pg';

/** Events that are looked at. */
export const LOOKED_AT_MAX = 5_000;
const TARGETS_MAX = 100;
const ERROR_LENGTH_MAX = 500;

export interface TargetRow {
  url: string;
  total: number;
  processed: number;
  failed: number;
  extinct: number;
  cancelled: number;
  waiting: number;
  /** How often each answer came last: the status, or `none` when there was no answer. */
  answers: Record<string, number>;
  lastAt: Date;
  lastError: string | null;
}

// The ids come from the index of the lists alone; only those that count are read.
const TARGETS = `
  with newest as materialized (
    select one.id from unnest(array['QUEUED', 'PROCESSING', 'PROCESSED', 'FAILED', 'EXTINCT', 'CANCELLED']) as s(state)
      cross join lateral (
        select e.id, e.created_at from tem.event e where e.type = 'webhook' and e.state = s.state and e.created_at >= $1
          order by e.created_at desc, e.id desc limit ${LOOKED_AT_MAX + 1}) one
      order by one.created_at desc, one.id desc limit ${LOOKED_AT_MAX + 1}
  ), event as (
    select e.payload ->> 'url' as url, e.state, e.created_at, e.last_error,
      case when e.state = 'PROCESSED' then e.result ->> 'status'
        when e.last_error is not null then coalesce(substring(e.last_error from 'HTTP (\\d{3})'), 'none') end as answer
    from newest n join tem.event e using (id) where not e.pruned and e.payload ->> 'url' is not null
  ), answer as (
    select a.url, json_object_agg(a.answer, a.count) as answers
      from (select url, answer, count(*)::int from event where answer is not null group by url, answer) a group by a.url
  )
  select e.url, count(*)::int as total, count(*) filter (where e.state = 'PROCESSED')::int as processed,
    count(*) filter (where e.state = 'FAILED')::int as failed, count(*) filter (where e.state = 'EXTINCT')::int as extinct,
    count(*) filter (where e.state = 'CANCELLED')::int as cancelled,
    count(*) filter (where e.state in ('QUEUED', 'PROCESSING'))::int as waiting, max(e.created_at) as "lastAt",
    left((array_agg(e.last_error order by e.created_at desc) filter (where e.state in ('FAILED', 'EXTINCT')))[1],
      ${ERROR_LENGTH_MAX}) as "lastError",
    coalesce((select a.answers from answer a where a.url = e.url), '{}') as answers
  from event e group by e.url order by total desc, e.url limit ${TARGETS_MAX + 1}`;

/** `complete`: whether every webhook since then is counted, and every target there. */
export async function readTargets(pool: Pool, since: Date): Promise<{ targets: TargetRow[]; complete: boolean }> {
  const { rows } = await pool.query<TargetRow>(TARGETS, [since]);
  const lookedAt = rows.reduce((sum, { total }) => sum + total, 0);
  return { targets: rows.slice(0, TARGETS_MAX), complete: rows.length <= TARGETS_MAX && lookedAt <= LOOKED_AT_MAX };
}
