// The start of an attempt, committed before the handler runs (rule 1). Temporal may run an activity more often than one
// thinks; `begin` decides from the row alone whether this run may go ahead, and fences every older one by a new epoch.

import type { Pool } from 'pg';
import { RowLocked } from '../errors.ts';
import { EXPIRED_ERROR } from './expire.ts';
import { FREED } from './free.ts';
import { LANE, tellDue } from './queue.ts';
import { ENDED_SQL } from './states.ts';

/** Crashes of its worker after which an event is run in quarantine, and after which it ends. */
const QUARANTINE_FROM_CRASHES = 2;
export const CRASHES_MAX = QUARANTINE_FROM_CRASHES + 3;
export const POISON_ERROR = `killed its worker ${CRASHES_MAX} times, the last 3 of them alone in quarantine`;

/** For a run that doesn't count attempts: it goes ahead as soon as the next one is due. */
export const WHICHEVER_IS_NEXT = 2_147_483_647;

export interface BeginRequest {
  id: string;
  generation: number;
  /** The attempt that this run is about; one with an outcome is reported, not run again. */
  attempt: number;
  maxAttempts: number;
  /** When somebody else may look after the event: the attempt's timeout and a margin. */
  dueByMs: number;
  /** The attempt is a workflow's: whichever worker begins it doesn't have it, so its death is no crash of the event. */
  ownerless?: boolean;
  /** The type's, for events that SQL accepted. */
  ttlMs?: number | undefined;
}

/** The event as its handler will see it, with the fence of this attempt. */
export interface Begun {
  disposition: 'run';
  id: string;
  type: string;
  key: string;
  payload: unknown;
  group: string;
  priority: number;
  createdAt: Date;
  epoch: number;
  attempt: number;
  /** Whether an attempt began before this one: its handler may have done something. */
  begunBefore: boolean;
  /** One of LANE. */
  lane: number;
  traceContext: string | null;
}

export type BeginAnswer =
  | Begun
  /** Another worker that lives (or whose life can't be judged now) has the attempt open: ask again later. */
  | { disposition: 'busy' }
  /** Nothing to do: the row has ended, belongs to a newer run, or isn't in this ledger. */
  | { disposition: 'ended'; state: string }
  | { disposition: 'stale' }
  | { disposition: 'missing' }
  /** That attempt has failed already; the next is due in `delayMs`. */
  | { disposition: 'waiting'; delayMs: number; attempt: number }
  /** It ended EXTINCT here: its time had passed before anything ran. */
  | { disposition: 'expired' }
  /** No attempt is left, or somebody asked to cancel: compensate and end. */
  | { disposition: 'settle' };

/**
 * Begins attempts of several events in one statement; answers in the order of the requests, RowLocked for those whose row
 * somebody holds: the others don't wait for it. `mayJudge`: whether a lease
 * that is over means that its worker is gone, which nobody can tell just after the ledger was away, nor while one's own is.
 */
export async function begin(
  pool: Pool,
  workerId: string,
  requests: readonly BeginRequest[],
  mayJudge = true,
): Promise<(BeginAnswer | RowLocked)[]> {
  const { rows } = await pool.query({
    name: 'begin',
    text: BEGIN,
    values: [
      requests.map((each) => each.id),
      requests.map((each) => each.generation),
      requests.map((each) => each.attempt),
      requests.map((each) => each.maxAttempts),
      requests.map((each) => each.dueByMs),
      requests.map((each) => each.ownerless ?? false),
      workerId,
      mayJudge,
      requests.map((each) => each.ttlMs ?? null),
    ],
  });
  if (rows.some((row) => row.disposition === 'again')) await tellDue(pool);
  const byNumber = new Map(rows.map((row) => [row.n as number, row]));
  const passedOver = requests.filter((_, index) => !byNumber.has(index + 1));
  const locked = passedOver.length === 0 ? new Set() : await present(pool, passedOver);
  return requests.map(({ id }, index) => {
    const row = byNumber.get(index + 1);
    return row === undefined && locked.has(id) ? new RowLocked(id) : answer(row);
  });
}

async function present(pool: Pool, requests: readonly BeginRequest[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>('select id from tem.event where id = any($1::uuid[])', [
    requests.map((each) => each.id),
  ]);
  return new Set(rows.map((row) => row.id));
}

function answer(row: Record<string, unknown> | undefined): BeginAnswer {
  switch (row?.disposition) {
    case undefined:
      return { disposition: 'missing' };
    case 'ended':
      return { disposition: 'ended', state: row?.state as string };
    case 'waiting':
      return {
        disposition: 'waiting',
        delayMs: Math.max(0, row?.delayMs as number),
        attempt: row?.retryCount as number,
      };
    case 'poisoned':
    case 'expiring':
      return { disposition: 'settle' };
    // Given back to the queue: its next run is another one.
    case 'again':
      return { disposition: 'stale' };
    case 'run':
      return row as unknown as Begun;
    default:
      return { disposition: row?.disposition as 'stale' | 'settle' | 'busy' | 'expired' };
  }
}

const BEGIN = `
  with input as (
    select * from unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::float8[], $6::bool[], $9::float8[]) with ordinality
      as i(id, generation, attempt, max_attempts, due_by_ms, ownerless, ttl_ms, n)
  ), locked as materialized (
    select e.id, e.type, e.key, e.payload, e."group", e.priority, e.created_at, e.state, e.epoch, e.version, e.trace_context,
      e.retry_count, e.next_retry_at, e.crash_count, e.lane, e.compensating, e.cancel_requested, e.generation, e.begun,
      coalesce(e.expires_at, greatest(e.run_at, e.created_at) + i.ttl_ms * interval '1 ms') as expires_at,
      i.generation as run_generation, i.attempt, i.max_attempts, i.due_by_ms, i.ownerless, i.n, e.epoch_generation,
      -- The same worker that asks twice (a lost marker, an outage) has not crashed, and a workflow has no worker.
      e.state = 'PROCESSING' and coalesce(e.epoch_worker_id <> $7, false) as open_elsewhere,
      e.locked_at + i.due_by_ms * interval '1 ms' > clock_timestamp() as in_time,
      exists (select from tem.worker w where w.id = e.epoch_worker_id and w.lease_until > clock_timestamp()) as lives,
      $8 and exists (select from tem.worker w where w.id = $7 and w.lease_until > clock_timestamp()) as judges
    from tem.event e join input i on e.id = i.id order by e.id for update of e skip locked
  ), numbered as materialized (
    -- Two calls for one event may share this statement: only one of them may run it.
    select l.*, open_elsewhere and not lives as crashed, crash_count + (open_elsewhere and not lives)::int as crashes,
      row_number() over (partition by id, run_generation order by n) as nth from locked l
  ), judged as (
    select l.*,
      case when crashes >= ${QUARANTINE_FROM_CRASHES} then ${LANE.quarantine} when crashes > 0 then ${LANE.own} else lane end as lane_now, case
      when state in ${ENDED_SQL} then 'ended'
      when generation <> run_generation or nth > 1 then 'stale'
      -- An attempt that outlives its limit on a worker that lives has no outcome to come.
      when open_elsewhere and case when lives then in_time else not judges end then 'busy'
      when cancel_requested or compensating or retry_count >= max_attempts then 'settle'
      when state = 'FAILED' and (retry_count >= attempt or next_retry_at > clock_timestamp() + interval '50 ms') then 'waiting'
      when expires_at <= clock_timestamp() and not open_elsewhere then case when begun then 'expiring' else 'expired' end
      -- A run that Temporal gave to another worker: the event needs one without neighbours, or the quarantine, and the
      -- relay sees to that. The crash is counted by the run that follows.
      when crashed and epoch_generation = generation then 'again'
      when crashed and crashes >= ${CRASHES_MAX} then 'poisoned'
      else 'run' end as disposition
    from numbered l
  ), taken as (
    update tem.event e set
      state = case j.disposition when 'run' then 'PROCESSING' when 'expired' then 'EXTINCT' else 'FAILED' end,
      compensating = j.disposition in ('poisoned', 'expiring'),
      last_error = case when j.disposition = 'poisoned' then '${POISON_ERROR}'
        when j.disposition in ('expired', 'expiring') then ${EXPIRED_ERROR('j.expires_at')} else e.last_error end,
      epoch = e.epoch + 1, version = e.version + 1, begun = e.begun or j.disposition <> 'expired',
      worker_id = case when not j.ownerless and j.disposition <> 'expired' then $7 end,
      epoch_worker_id = case when not j.ownerless then $7 end, epoch_generation = e.generation,
      crash_count = j.crashes, max_attempts = j.max_attempts, lane = j.lane_now,
      locked_at = case when j.disposition = 'run' then clock_timestamp() end, next_retry_at = null, due_at = null,
      due_by = case when j.disposition <> 'expired' then clock_timestamp() + j.due_by_ms * interval '1 ms' end, updated_at = clock_timestamp()
    from judged j where e.id = j.id and j.disposition in ('run', 'poisoned', 'expired', 'expiring')
    returning e.id, e.version, j.state as from_state, e.state as to_state, j.retry_count, j.crashed, e.last_error
  ), returned as (
    update tem.event e ${FREED} from judged j where e.id = j.id and j.disposition = 'again'
  ), kept as (
    insert into tem.transition (event_id, version, from_state, to_state, attempt, error, actor)
    select id, version, from_state, to_state, retry_count + 1,
      case when to_state in ('FAILED', 'EXTINCT') then last_error when crashed then 'the worker was lost' end, 'worker ' || $7::uuid
    from taken
  )
  select j.n::int as n, j.id, j.disposition, j.state, j.type, j.key, j.payload, j."group", j.priority, j.created_at as "createdAt",
    j.retry_count as "retryCount", j.retry_count + 1 as attempt, j.begun as "begunBefore",
    -- As \`taken\` has written them: its rows were locked. Joining it would compare each of 500 with each.
    case when j.disposition in ('run', 'poisoned') then j.epoch + 1 end as epoch, j.lane_now as lane, j.trace_context as "traceContext",
    extract(epoch from j.next_retry_at - clock_timestamp())::float8 * 1000 as "delayMs"
  from judged j`;
