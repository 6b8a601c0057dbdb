// What can be wrong with the core's own work, found in the ledger alone, so that a dead Temporal silences nothing.

import type { Pool } from 'pg';
import type { Condition } from './condition.ts';
import type { AlertSettings } from './settings.ts';

/** Of one type that are counted, or looked through for those that are due. */
const COUNTED_MAX = 10_000;
const LOOKED_THROUGH_MAX = 1_000;
const SAMPLES_MAX = 5;
const GONE_AFTER_S = 60;
const MISSED_WITHIN = '1 hour';

// What each type says of itself, else the defaults.
const POLICIES = `
  select t.name as type, p.count, p.window_ms, p.queued_ms from tem.event_type t cross join lateral (
    select a.is_own, case when a.is_own then (t.definition #>> '{alert,extinct,count}')::int else $1::int end as count,
      case when a.is_own then (t.definition #>> '{alert,extinct,windowMs}')::float8 else $2::float8 end as window_ms,
      case when a.is_own then (t.definition #>> '{alert,oldestQueuedMs}')::float8 else $3::float8 end as queued_ms
    from (select coalesce(jsonb_typeof(t.definition -> 'alert') = 'object', false) as is_own) a) p`;
const EXTINCT = `
  select p.type, p.window_ms as "windowMs", e.count::int, e.samples from policies p cross join lateral (
    select count(*), (array_agg(id order by updated_at desc))[1:${SAMPLES_MAX}] as samples from (
      select id, updated_at from tem.event e where e.type = p.type and e.state = 'EXTINCT' and not e.pruned
        and e.updated_at > clock_timestamp() - p.window_ms * interval '1 ms'
        order by e.updated_at desc limit ${COUNTED_MAX}) one) e
  where p.count is not null and e.count >= p.count`;
const QUEUED = `
  select p.type, e.count::int, e.samples, e.age_s as "ageSeconds" from policies p cross join lateral (
    select count(*), (array_agg(id order by since))[1:${SAMPLES_MAX}] as samples,
      extract(epoch from clock_timestamp() - min(since))::float8 as age_s from (
      select id, greatest(run_at, created_at) as since from tem.event e where e.type = p.type and e.state = 'QUEUED'
        order by e.created_at, e.id limit ${LOOKED_THROUGH_MAX}) one
    where since < clock_timestamp() - p.queued_ms * interval '1 ms') e
  where p.queued_ms is not null and e.count > 0`;

/** `watchedForMs`: for how long somebody has looked, so that a fresh installation may start its workers. */
export async function ledgerConditions(
  pool: Pool,
  settings: AlertSettings,
  watchedForMs: number,
): Promise<Condition[]> {
  const found = [
    await extinctEvents(pool, settings),
    await waitingEvents(pool, settings),
    await missedFirings(pool),
    await missingWorkers(pool, watchedForMs),
  ];
  return found.flat();
}

function defaults({ extinct, oldestQueuedMs }: AlertSettings): (number | null)[] {
  return [extinct?.count ?? null, extinct?.windowMs ?? null, oldestQueuedMs];
}

async function extinctEvents(pool: Pool, settings: AlertSettings): Promise<Condition[]> {
  const { rows } = await pool.query<{ type: string; windowMs: number; count: number; samples: string[] }>(
    `with policies as materialized (${POLICIES}) ${EXTINCT}`,
    defaults(settings),
  );
  return rows.map(({ type, windowMs, count, samples }) => ({
    kind: 'extinct',
    subject: type,
    detail: `${count} events of type ${type} ended EXTINCT within ${inWords(windowMs)}`,
    advice: `tem events show ${samples[0]} says why; when the cause is gone, tem events retry revives each`,
    count,
    samples,
  }));
}

async function waitingEvents(pool: Pool, settings: AlertSettings): Promise<Condition[]> {
  const { rows } = await pool.query<{ type: string; ageSeconds: number; count: number; samples: string[] }>(
    `with policies as materialized (${POLICIES}) ${QUEUED}`,
    defaults(settings),
  );
  return rows.map(({ type, ageSeconds, count, samples }) => ({
    kind: 'oldest_queued',
    subject: type,
    detail: `an event of type ${type} has been due for ${inWords(ageSeconds * 1_000)}, and with it ${count - 1} more at least`,
    advice: `tem events show ${samples[0]} says what it waits for; tem doctor tells whether workers run`,
    count,
    samples,
  }));
}

async function missedFirings(pool: Pool): Promise<Condition[]> {
  const { rows } = await pool.query<{ count: number; samples: string[] }>(
    `select coalesce(sum(r.count), 0)::int as count,
       (array_agg(r.schedule_id order by r.at desc))[1:${SAMPLES_MAX}] as samples
     from tem.schedule_run r where r.outcome = 'missed' and coalesce(r.until, r.at) > clock_timestamp() - interval '${MISSED_WITHIN}'`,
  );
  const { count = 0, samples } = rows[0] ?? {};
  if (count === 0) return [];
  const ids = [...new Set(samples ?? [])];
  return [
    {
      kind: 'schedules_missed',
      subject: '',
      detail: `${count} firings of schedules within the last hour were missed: everything was down for longer than their catch-up window`,
      advice: `tem schedules show ${ids[0]} lists them; tem schedules backfill makes those that still matter`,
      count,
      samples: ids,
    },
  ];
}

async function missingWorkers(pool: Pool, watchedForMs: number): Promise<Condition[]> {
  const { rows } = await pool.query<{ goneForS: number | null; longestUpS: number | null; lookedAgoS: number | null }>(
    `select extract(epoch from clock_timestamp() - max(lease_until))::float8 as "goneForS",
       extract(epoch from clock_timestamp() - min(started_at) filter (where lease_until > clock_timestamp()))::float8 as "longestUpS",
       (select extract(epoch from clock_timestamp() - l.lease_until)::float8 from tem.part_lease l
         where l.part = 'schedule look') as "lookedAgoS"
     from tem.worker`,
  );
  const { goneForS = null, longestUpS = null, lookedAgoS = null } = rows[0] ?? {};
  const missing = (kind: string, detail: string, advice: string): Condition[] => [
    { kind, subject: '', detail, advice, count: 1, samples: [] },
  ];
  if ((goneForS ?? watchedForMs / 1_000) > GONE_AFTER_S) {
    const since = goneForS === null ? 'ever did' : `has been seen for ${inWords(goneForS * 1_000)}`;
    return missing(
      'no_worker',
      `no worker runs on this database; none ${since}`,
      "accepted events wait and none is lost: start 'tem worker'; tem doctor says whether one runs on another database",
    );
  }
  const looksNot = lookedAgoS === null || lookedAgoS > GONE_AFTER_S;
  if (longestUpS !== null && longestUpS > GONE_AFTER_S && looksNot) {
    return missing(
      'no_scheduler',
      `workers run, but none has looked for due schedules for ${lookedAgoS === null ? 'as long' : inWords(lookedAgoS * 1_000)}`,
      "look at the workers' logs for 'schedule look'; one that is started anew takes it up",
    );
  }
  return [];
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}
