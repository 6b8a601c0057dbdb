// How many workers each kind of work needs, for autoscalers: what waits, for how long, how fast it drains, and how many
// workers would have it done within a minute, as far as its flows let them.

import type { Pool } from 'pg';
import { PERIOD_MS, type RatePer } from '../flows/rules.ts';

/** A backlog is to be gone within this. */
const CLEAR_WITHIN_S = 60;
const WINDOW_S = 60;
/** Of one kind that are counted. */
const COUNTED_MAX = 100_000;
const WORKERS_MAX = 1_000;

export interface KindFigures {
  kind: string;
  /** Events that are due and that nobody has claimed; at most 100,000 are counted. */
  backlog: number;
  oldestAgeSeconds: number;
  acceptedPerSecond: number;
  /** Processed over the last minute. */
  drainPerSecond: number;
  active: number;
  workers: number;
  wantedWorkers: number;
}

interface Row extends Omit<KindFigures, 'wantedWorkers'> {
  paused: boolean | null;
  maxInFlight: number | null;
  rateLimit: number | null;
  ratePer: RatePer | null;
}

/** By kind of work, which is the event type; of one when it is named. */
export async function readScaling(pool: Pool, kind?: string): Promise<KindFigures[]> {
  const { rows } = await pool.query<Row>(
    `with recursive used as (
       (select type from tem.event where $1::text is null order by type limit 1)
       union all
       select next.type from used u cross join lateral (
         select e.type from tem.event e where e.type > u.type order by e.type limit 1) next
     ), kinds as (
       select type as kind from used union select name from tem.event_type where $1 is null union select $1 where $1 is not null
     )
     select k.kind, q.backlog, q.age as "oldestAgeSeconds", a.accepted as "acceptedPerSecond", p.processed as "drainPerSecond",
       r.active, w.workers, f.paused, f.max_in_flight as "maxInFlight", f.rate_limit as "rateLimit", f.rate_per as "ratePer"
     from kinds k
       cross join lateral (
         select count(*) filter (where due_at <= now())::int as backlog,
           greatest(0, coalesce(extract(epoch from now() - min(due_at)), 0))::float8 as age
         from (select e.due_at from tem.event e where e.due_at is not null and e.type = k.kind limit ${COUNTED_MAX}) queued) q
       cross join lateral (
         select count(*)::float8 / ${WINDOW_S} as processed from (select from tem.event e where e.type = k.kind
           and e.state = 'PROCESSED' and not e.pruned and e.updated_at > now() - interval '${WINDOW_S} s' limit ${COUNTED_MAX}) one) p
       cross join lateral (
         select count(*)::float8 / ${WINDOW_S} as accepted from unnest(array['QUEUED', 'PROCESSING', 'PROCESSED', 'FAILED', 'EXTINCT'])
           as s(state) cross join lateral (select from tem.event e where e.type = k.kind and e.state = s.state
           and e.created_at > now() - interval '${WINDOW_S} s' limit ${COUNTED_MAX}) one) a
       cross join lateral (
         select count(*)::int as active from (select from tem.event e
           where e.type = k.kind and e.state = 'PROCESSING' limit ${COUNTED_MAX}) one) r
       cross join lateral (
         select count(*)::int as workers from tem.worker
           where lease_until > clock_timestamp() and not stopping and wanted is null and k.kind = any(types)) w
       left join tem.flow f on f.type = k.kind and f."group" = ''
     order by k.kind`,
    [kind ?? null],
  );
  return rows.map(figuresOf);
}

function figuresOf({ paused, maxInFlight: _, rateLimit, ratePer, ...figures }: Row): KindFigures {
  const flow = rateLimit === null || ratePer === null ? undefined : (rateLimit * 1_000) / PERIOD_MS[ratePer];
  return { ...figures, wantedWorkers: wantedWorkers({ ...figures, paused: paused ?? false, flowPerSecond: flow }) };
}

/**
 * As many as would do what comes and have the backlog gone within a minute, at the pace of those that run; one when nothing
 * is known of their pace. More than a flow lets begin is wanted of nobody, and of a paused kind nothing is.
 */
export function wantedWorkers(figures: {
  backlog: number;
  acceptedPerSecond: number;
  drainPerSecond: number;
  active: number;
  workers: number;
  paused: boolean;
  flowPerSecond: number | undefined;
}): number {
  const { backlog, acceptedPerSecond, drainPerSecond, active, workers, paused, flowPerSecond } = figures;
  if (paused) return active > 0 ? 1 : 0;
  if (backlog === 0 && active === 0 && acceptedPerSecond === 0) return 0;
  const needed = acceptedPerSecond + backlog / CLEAR_WITHIN_S;
  const demand = flowPerSecond === undefined ? needed : Math.min(needed, flowPerSecond);
  const perWorker = drainPerSecond / Math.max(1, workers);
  if (perWorker === 0) return Math.max(1, workers);
  // Workers without a backlog are not at their limit: what they do says nothing of what they could.
  if (backlog === 0) return Math.max(1, Math.min(workers, Math.ceil(demand / perWorker)));
  return Math.min(WORKERS_MAX, Math.max(1, Math.ceil(demand / perWorker)));
}
