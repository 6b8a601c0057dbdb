// The end of an event that can't succeed or was cancelled: its compensation, fenced like an attempt, and then EXTINCT or
// CANCELLED. While it runs the event is FAILED with compensating set (rule 4).

import type { Pool } from 'pg';
import { CRASHES_MAX } from './begin.ts';
import { FREED } from './free.ts';
import { LANE, tellDue } from './queue.ts';
import { ENDED_SQL } from './states.ts';

export interface Settling {
  disposition: 'settle';
  id: string;
  type: string;
  key: string;
  payload: unknown;
  group: string;
  priority: number;
  createdAt: Date;
  epoch: number;
  attempt: number;
  to: 'EXTINCT' | 'CANCELLED';
  lastError: string | null;
  /** Whether an attempt ever began: without one there is nothing to compensate. */
  begun: boolean;
  /** How often the compensation has failed so far. */
  tries: number;
  /** Set when it has killed its worker too often: it is given up. */
  poisoned: boolean;
  traceContext: string | null;
}

export type SettleAnswer =
  | Settling
  | { disposition: 'ended'; state: string }
  | { disposition: 'stale' }
  | { disposition: 'alive' }
  /** Another worker that lives is at it. */
  | { disposition: 'busy' };

/**
 * Takes the event for settling: `stale` when a newer run has it, `alive` when neither its attempts are used up nor a
 * cancel was asked for, so that nothing is settled by mistake. Waits for no lock: `isLocked` tells the error.
 */
export async function beginSettling(
  pool: Pool,
  request: {
    id: string;
    generation: number;
    workerId: string;
    maxAttempts: number;
    dueByMs: number;
    /** Whether the type has a compensation. */
    compensates: boolean;
  },
  mayJudge = true,
): Promise<SettleAnswer> {
  const { rows } = await pool.query({
    name: 'begin-settling',
    text: `
      with seen as materialized (
        select *, (state = 'PROCESSING' or compensating and locked_at is not null)
            and epoch_worker_id is distinct from $3 as open_elsewhere,
          locked_at + $4 * interval '1 ms' > clock_timestamp() as in_time,
          exists (select from tem.worker w where w.id = epoch_worker_id and w.lease_until > clock_timestamp()) as lives,
          $6 and exists (select from tem.worker w where w.id = $3 and w.lease_until > clock_timestamp()) as judges
        from tem.event where id = $1 for update nowait
      ), locked as materialized (
        select *, (compensating and open_elsewhere and not lives)::int as crashed, case
          when state in ${ENDED_SQL} then 'ended'
          when generation <> $2 then 'stale'
          when open_elsewhere and case when lives then in_time else not judges end then 'busy'
          -- A run that Temporal gave to another worker: as after an attempt, the run that follows counts the crash.
          when compensating and open_elsewhere and not lives and epoch_generation = generation then 'again'
          when compensating or cancel_requested or retry_count >= $5 then 'settle'
          else 'alive' end as disposition
        from seen
      ), taken as (
        update tem.event e set
          state = case when l.state = 'QUEUED' and not (l.begun and $7) then 'QUEUED' else 'FAILED' end,
          compensating = true, epoch = e.epoch + 1, version = e.version + 1,
          worker_id = $3, epoch_worker_id = $3, epoch_generation = e.generation, next_retry_at = null, due_at = null,
          locked_at = clock_timestamp(), crash_count = e.crash_count + l.crashed,
          due_by = clock_timestamp() + $4 * interval '1 ms', updated_at = clock_timestamp()
        from locked l where e.id = l.id and l.disposition = 'settle'
        returning e.id, e.epoch, e.version, l.state as from_state, e.state as to_state
      ), returned as (
        update tem.event e ${FREED} from locked l where e.id = l.id and l.disposition = 'again'
      ), kept as (
        insert into tem.transition (event_id, version, from_state, to_state, attempt, error, actor)
        select t.id, t.version, t.from_state, t.to_state, l.retry_count, 'compensation begins', 'worker ' || $3::uuid
        from taken t join locked l on l.id = t.id where t.from_state <> t.to_state
      )
      select l.disposition, l.id, l.type, l.key, l.payload, l."group", l.priority, l.created_at as "createdAt", t.epoch,
        l.retry_count as attempt, l.last_error as "lastError", l.begun, l.state, l.compensation_tries as tries,
        l.trace_context as "traceContext",
        l.crashed > 0 and l.crash_count + 1 >= ${CRASHES_MAX} as poisoned,
        case when l.cancel_requested then 'CANCELLED' else 'EXTINCT' end as to
      from locked l left join taken t on t.id = l.id`,
    values: [
      request.id,
      request.generation,
      request.workerId,
      request.dueByMs,
      request.maxAttempts,
      mayJudge,
      request.compensates,
    ],
  });
  const [row] = rows;
  if (!row) return { disposition: 'stale' };
  if (row.disposition === 'again') {
    await tellDue(pool);
    return { disposition: 'stale' };
  }
  return row.disposition === 'ended' ? { disposition: 'ended', state: row.state } : row;
}

/** The outcome of a try to compensate that is to be followed by another. */
export interface Uncompensated {
  id: string;
  epoch: number;
  /** Null when the try doesn't count: a stopping worker hands it back. */
  error: string | null;
  /** Whether it is to wait in the queue, whatever else is. */
  leaves: boolean;
  delayMs: number;
  overdueAfterMs: number;
}

/**
 * Keeps why a compensation failed, visible while it waits. `kept`: its run tries again after the delay. `left`: it waits
 * in the queue for a run elsewhere, or for the quarantine's one place. `stale`: a newer run has it.
 */
export async function noteUncompensated(pool: Pool, note: Uncompensated): Promise<'kept' | 'left' | 'stale'> {
  const { rows } = await pool.query<{ left: boolean }>({
    name: 'note-uncompensated',
    text: `
      with locked as materialized (
        select id, due_at is null and ($6 or $3::text is null or lane = ${LANE.quarantine}) as leaves
        from tem.event where id = $1 and epoch = $2 and compensating and locked_at is not null for update nowait
      )
      update tem.event e set compensation_error = coalesce($3, e.compensation_error),
        compensation_tries = e.compensation_tries + ($3::text is not null)::int,
        locked_at = null, worker_id = null, version = e.version + 1, updated_at = clock_timestamp(),
        -- So that its run is stale from then on.
        generation = e.generation + l.leaves::int, workflow_id = case when l.leaves then null else e.workflow_id end,
        due_at = case when l.leaves then clock_timestamp() + $4::float8 * interval '1 ms' else e.due_at end,
        due_by = case when not l.leaves and e.due_at is null
          then clock_timestamp() + ($4::float8 + $5::float8) * interval '1 ms' end
      from locked l where e.id = l.id
      returning e.due_at is not null as left`,
    values: [note.id, note.epoch, note.error, note.delayMs, note.overdueAfterMs, note.leaves],
  });
  const [row] = rows;
  if (!row) return 'stale';
  return row.left ? 'left' : 'kept';
}
