// A worker's steps of a job. Each is one transaction that locks the job: what becomes of an event and that the job knows it
// are one commit, so that a worker may die at any moment and no event is taken twice. The drip is paced by Postgres's
// clock, and waits while many of its own events wait to begin: what is revived must not crowd out what is new.

import type { Pool, PoolClient } from 'pg';
import { cancelEvent } from '../ledger/cancel.ts';
import { inTransaction } from '../ledger/in-transaction.ts';
import { type RetryAnswer, retryEvents } from '../ledger/retry.ts';
import { ENDED_SQL } from '../ledger/states.ts';
import type { JobRow } from './job.ts';

const JOBS_AT_ONCE_MAX = 20;
/** Events that one step begins, and looks after. */
const SLICE_MAX = 500;
const FOLLOWED_MAX = 1_000;
/** What a late step makes up for, at most: after an outage there is no burst. */
const LATE_MS_MAX = 2_000;
/** So much of the job may wait to begin, and be before what comes new: half a second of its rate. */
const AHEAD_S = 0.5;
const AHEAD_MIN = 10;
/** For how long a job whose events have all been tried looks after those that failed again. */
const FOLLOWED_FOR_H = 24;

export interface Stepped {
  /** Whether a job is under way, so that the next look should come soon. */
  running: boolean;
}

/** Where each job's look after its open events goes on; lost with the worker, and begun anew. */
export type Places = Map<string, number>;

/** One step of each job under way. */
export async function stepJobs(pool: Pool, places: Places): Promise<Stepped> {
  const { rows } = await pool.query<{ id: string; running: boolean }>({
    name: 'redrives-open',
    text: `select r.id, r.state = 'running' as running from tem.redrive r
      where r.state = 'running' or r.created_at > now() - interval '30 days'
        and coalesce(r.ended_at, now()) > now() - interval '${FOLLOWED_FOR_H} h'
        and exists (select from tem.redrive_event x where x.redrive_id = r.id and x.outcome in ('begun', 'retrying'))
      order by r.state = 'running' desc, r.updated_at limit ${JOBS_AT_ONCE_MAX}`,
  });
  for (const { id } of rows) await inTransaction(pool, (client) => stepJob(client, id, places));
  for (const id of places.keys()) if (!rows.some((row) => row.id === id)) places.delete(id);
  return { running: rows.some(({ running }) => running) };
}

interface LockedJob extends JobRow {
  /** Events that may begin by now, by the rate alone. */
  allowed: number;
}

async function stepJob(client: PoolClient, id: string, places: Places): Promise<void> {
  const { rows } = await client.query<LockedJob>({
    name: 'redrive-lock',
    text: `select *, case when paced_from is null then 1 else floor(rate_per_second
        * least(extract(epoch from clock_timestamp() - paced_from)::float8, (paced_count / rate_per_second) + $2)) + 1 - paced_count
        end::int as allowed
      from tem.redrive where id = $1 for update skip locked`,
    values: [id, LATE_MS_MAX / 1_000],
  });
  const [job] = rows;
  if (!job) return;
  const followed = await follow(client, job, places);
  Object.assign(job, followed);
  const verdict = job.state === 'running' ? canaryVerdict(job, await open(client, job.id)) : 'go';
  if (verdict === 'stop') return stop(client, job);
  if (verdict === 'passed') return passCanary(client, job);
  const begun = job.state === 'running' ? await beginSome(client, job, verdict === 'wait') : NOTHING;
  await keep(client, job, begun);
}

interface Begun {
  begun: number;
  skipped: number;
  cancelled: number;
}
const NOTHING: Begun = { begun: 0, skipped: 0, cancelled: 0 };

/** The canary's events have all been tried: whether too many of them failed. */
function canaryVerdict(job: LockedJob, isOpen: boolean): 'go' | 'wait' | 'stop' | 'passed' {
  const { canary_count: count, canary_max_failed_percent: percent } = job;
  if (count === null || percent === null || job.canary_passed) return 'go';
  const size = Math.min(count, job.matches);
  if (job.failed * 100 > percent * size) return 'stop';
  if (job.done < size) return 'go';
  if (isOpen) return 'wait';
  const tried = Math.max(1, job.done - job.skipped);
  return job.failed * 100 > percent * tried ? 'stop' : 'passed';
}

async function open(client: PoolClient, id: string): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'redrive-is-open',
    text: `select from tem.redrive_event where redrive_id = $1 and outcome = 'begun' limit 1`,
    values: [id],
  });
  return rowCount === 1;
}

async function stop(client: PoolClient, job: LockedJob): Promise<void> {
  const reason = `canary: ${job.failed} of ${job.done - job.skipped} failed again, more than ${job.canary_max_failed_percent} %`;
  await client.query(
    `update tem.redrive set state = 'stopped', reason = $2, processed = $3, failed = $4, cancelled = $5,
       updated_at = clock_timestamp() where id = $1`,
    [job.id, reason, job.processed, job.failed, job.cancelled],
  );
}

async function passCanary(client: PoolClient, job: LockedJob): Promise<void> {
  await client.query(
    `update tem.redrive set canary_passed = true, paced_from = null, paced_count = 0, processed = $2, failed = $3,
       cancelled = $4, updated_at = clock_timestamp() where id = $1`,
    [job.id, job.processed, job.failed, job.cancelled],
  );
}

/** Takes the next of the set, as many as rate, canary and what waits already allow. */
async function beginSome(client: PoolClient, job: LockedJob, isWaiting: boolean): Promise<Begun> {
  const canaryLeft =
    job.canary_count === null || job.canary_passed ? job.matches : Math.max(0, job.canary_count - job.done);
  const room = isWaiting ? 0 : Math.min(job.allowed, canaryLeft, SLICE_MAX, await ahead(client, job));
  if (room <= 0) return NOTHING;
  const { rows } = await client.query<Picked>({
    name: 'redrive-next',
    text: `select n, event_id as id, from_state, from_version from tem.redrive_event
      where redrive_id = $1 and outcome is null order by n limit $2`,
    values: [job.id, room],
  });
  const actor = `${job.created_by}, redrive ${job.id}`;
  const outcomes = job.action === 'retry' ? await retry(client, rows, actor) : await cancel(client, rows, actor);
  await client.query({
    name: 'redrive-begun',
    text: `update tem.redrive_event r set outcome = o.outcome, why = o.why, version = o.version, before = o.before
      from unnest($2::int[], $3::text[], $4::text[], $5::int[], $6::jsonb[]) as o(n, outcome, why, version, before)
      where r.redrive_id = $1 and r.n = o.n`,
    values: [
      job.id,
      outcomes.map(({ n }) => n),
      outcomes.map(({ outcome }) => outcome),
      outcomes.map(({ why }) => why ?? null),
      outcomes.map(({ version }) => version ?? null),
      outcomes.map(({ before }) => (before === undefined ? null : JSON.stringify(before))),
    ],
  });
  const count = (outcome: string): number => outcomes.filter((each) => each.outcome === outcome).length;
  return { begun: outcomes.length, skipped: count('skipped'), cancelled: count('cancelled') };
}

interface Picked {
  n: number;
  id: string;
  from_state: string;
  from_version: number;
}

interface Outcome {
  n: number;
  outcome: 'begun' | 'skipped' | 'cancelled';
  why?: string;
  version?: number;
  before?: Record<string, unknown>;
}

async function retry(client: PoolClient, picked: readonly Picked[], actor: string): Promise<Outcome[]> {
  const answers = await retryEvents(
    client,
    picked.map(({ id, from_version: version }) => ({ id, version })),
    actor,
  );
  return picked.map(({ n, id, from_state }): Outcome => {
    const answer = answers.get(id) as RetryAnswer;
    const { version, before } = answer;
    if (answer.outcome === 'done')
      return { n, outcome: 'begun', ...(version !== undefined && { version }), ...(before && { before }) };
    return { n, outcome: 'skipped', why: whySkipped(answer, from_state) };
  });
}

function whySkipped({ outcome, state, why }: RetryAnswer, fromState: string): string {
  if (outcome === 'missing') return 'deleted after the retention time';
  if (state !== fromState) return `no longer ${fromState}`;
  if (why === 'pruned') return 'its payload is gone after the retention time';
  if (why === 'compensating') return 'its compensation is under way';
  return `${fromState} anew: something happened to it since`;
}

async function cancel(client: PoolClient, picked: readonly Picked[], actor: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  // In the order of ids, as everything that locks several.
  for (const { n, id } of [...picked].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const { outcome, state } = await cancelEvent(client, id, actor);
    if (outcome === 'missing') outcomes.push({ n, outcome: 'skipped', why: 'deleted after the retention time' });
    else if (outcome === 'conflict') outcomes.push({ n, outcome: 'skipped', why: `has ended ${state}` });
    else outcomes.push({ n, outcome: state === 'CANCELLED' ? 'cancelled' : 'begun' });
  }
  return outcomes;
}

/** How many more may wait to begin. */
async function ahead(client: PoolClient, job: LockedJob): Promise<number> {
  const most = Math.max(AHEAD_MIN, Math.ceil(job.rate_per_second * AHEAD_S));
  const { rows } = await client.query<{ waiting: number }>({
    name: 'redrive-ahead',
    text: `select count(*)::int as waiting from (
        select from tem.redrive_event r join tem.event e on e.id = r.event_id and e.version = r.version
        where r.redrive_id = $1 and r.outcome = 'begun' limit $2) found`,
    values: [job.id, most],
  });
  return most - (rows[0]?.waiting ?? 0);
}

/** What became of a slice of those that were begun; resolves to the counts with that. */
async function follow(
  client: PoolClient,
  job: LockedJob,
  places: Places,
): Promise<Pick<LockedJob, 'processed' | 'failed' | 'cancelled'>> {
  const { rows } = await client.query<{ n: number; was: string; outcome: string }>({
    name: 'redrive-follow',
    text: `
      with looked as materialized (
        select r.n, r.outcome as was, case
          when e.id is null or e.state = 'PROCESSED' then 'processed'
          when e.state = 'CANCELLED' then 'cancelled'
          when e.state in ${ENDED_SQL} then 'failed'
          when e.retry_count > case when r.from_state = 'FAILED' then (r.before->>'retry_count')::int else 0 end then 'retrying'
          else r.outcome end as outcome
        from (select * from tem.redrive_event
          where redrive_id = $1 and outcome in ('begun', 'retrying') and n > $2 order by n limit $3) r
          left join tem.event e on e.id = r.event_id
      ), changed as (
        update tem.redrive_event r set outcome = l.outcome from looked l
        where r.redrive_id = $1 and r.n = l.n and l.outcome <> l.was
      )
      select n, was, outcome from looked order by n`,
    values: [job.id, places.get(job.id) ?? 0, FOLLOWED_MAX],
  });
  places.set(job.id, rows.length < FOLLOWED_MAX ? 0 : (rows.at(-1)?.n ?? 0));
  const change = (...outcomes: string[]): number =>
    rows.filter(({ outcome }) => outcomes.includes(outcome)).length -
    rows.filter(({ was }) => outcomes.includes(was)).length;
  return {
    processed: job.processed + change('processed'),
    failed: job.failed + change('failed', 'retrying'),
    cancelled: job.cancelled + change('cancelled'),
  };
}

/** Writes the counts; a job whose events all have been tried is done. */
async function keep(client: PoolClient, job: LockedJob, { begun, skipped, cancelled }: Begun): Promise<void> {
  const isDone = job.state === 'running' && job.done + begun === job.matches && !(await open(client, job.id));
  await client.query({
    name: 'redrive-keep',
    text: `update tem.redrive set done = done + $2, skipped = skipped + $3, processed = $4, failed = $5, cancelled = $6,
        state = case when $7 then 'done' else state end, ended_at = case when $7 then clock_timestamp() else ended_at end,
        paced_count = paced_count + $2,
        paced_from = case when paced_from is null then clock_timestamp()
          -- What an outage has cost is forgotten.
          else greatest(paced_from, clock_timestamp() - (paced_count / rate_per_second + $8) * interval '1 s') end,
        updated_at = clock_timestamp()
      where id = $1 and (state = 'running' or (processed, failed, cancelled) is distinct from ($4, $5, $6))`,
    values: [job.id, begun, skipped, job.processed, job.failed, job.cancelled + cancelled, isDone, LATE_MS_MAX / 1_000],
  });
}
