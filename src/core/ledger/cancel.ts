// Cancelling is decided here and nowhere else (rule 5). An event that never began is CANCELLED at once; so is a waiting
// one without compensation. One whose attempt runs is asked to stop, and the worker that has it hears it by NOTIFY.

import type { Pool } from 'pg';
import { DUE_CHANNEL, LANE, STANDS_IN_LINE } from './queue.ts';
import { ENDED_SQL, type EventState } from './states.ts';

export const CANCEL_CHANNEL = 'tem_cancel';
/** Tells which run has lost its event while it waited; see OrphanedRun. */
export const ORPHANED_CHANNEL = 'tem_orphaned';

/** A run of its own whose event was cancelled while the run waited, for the next attempt or for a workflow's end. */
export interface OrphanedRun {
  event: string;
  generation: number;
}

export interface PersonAnswer {
  outcome: 'done' | 'conflict' | 'missing';
  /** The state after the call, or the one that forbids it. */
  state?: EventState;
  /** The state before a call that was done. */
  from?: EventState;
  /** What forbids it beside the state: the payload is gone, or the compensation is under way. */
  why?: 'pruned' | 'compensating';
}

/** Cancels an event for `actor`. Conflict when it has ended, unless it is EXTINCT and holds others of its line: then those go on. `runIsOver`: somebody has ended its run in Temporal. */
export async function cancelEvent(
  pool: Pick<Pool, 'query'>,
  id: string,
  actor: string,
  runIsOver = false,
): Promise<PersonAnswer> {
  const { rows } = await pool.query(
    `with locked as materialized (
       select e.*, e.begun and coalesce(t.compensates, false) as compensates,
         -- What a workflow does is over with its run; what a worker does is not.
         (e.state = 'PROCESSING' or e.compensating and e.locked_at is not null)
           and not ($5 and e.epoch_worker_id is null) as runs,
         ${STANDS_IN_LINE} as stands
       from tem.event e left join tem.event_type t on t.name = e.type where e.id = $1 for update of e
     ), cancelled as (
       -- A compensation that is under way goes on as it is: a second one beside it would undo twice.
       update tem.event e set version = e.version + 1, updated_at = clock_timestamp(),
         cancel_requested = l.runs or l.compensates,
         state = case when l.runs then e.state when l.compensates then 'FAILED' else 'CANCELLED' end,
         compensating = case when l.runs then e.compensating else l.compensates end,
         next_retry_at = case when l.runs then e.next_retry_at end,
         worker_id = case when l.runs then e.worker_id end,
         generation = e.generation + (not l.runs)::int,
         lane = case when l.compensates and not l.runs then greatest(e.lane, ${LANE.own}) else e.lane end,
         workflow_id = case when l.runs then e.workflow_id end,
         due_at = case when l.runs then e.due_at when l.compensates and not l.stands then clock_timestamp() end,
         due_by = case when l.runs then e.due_by end
       from locked l where e.id = l.id and l.state not in ${ENDED_SQL}
       returning e.id, e.version, e.state, l.state as from_state, e.retry_count, l.generation as generation_before,
         l.due_by is not null and l.workflow_id is null as had_own_run, l.epoch_worker_id is null as ownerless
     ), kept as (
       insert into tem.transition (event_id, version, from_state, to_state, attempt, actor)
       select id, version, from_state, state, retry_count, $2 from cancelled where state <> from_state
     ), told as (
       select pg_notify($3, id::text) from cancelled where state = 'PROCESSING'
       union all select pg_notify('${DUE_CHANNEL}', '') from cancelled where state = 'FAILED'
       union all select pg_notify($4, json_build_object('event', id, 'generation', generation_before)::text)
         from cancelled where state = 'CANCELLED' and had_own_run or state = 'PROCESSING' and ownerless
     ), let_go as materialized (
       -- One that holds others of its line holds them no longer.
       select tem.leave_line(l.line, l.id) from locked l join tem.line t on t.id = l.line and t.event_id = l.id
       where l.state = 'EXTINCT'
     )
     select l.state as "before", coalesce(c.state, case when (select count(*) from let_go) > 0 then l.state end) as "after",
       (select count(*) from told) as told
     from locked l left join cancelled c on c.id = l.id`,
    [id, actor, CANCEL_CHANNEL, ORPHANED_CHANNEL, runIsOver],
  );
  const [row] = rows;
  if (!row) return { outcome: 'missing' };
  return row.after === null
    ? { outcome: 'conflict', state: row.before }
    : { outcome: 'done', state: row.after, from: row.before };
}

export interface RunCancel {
  /** An attempt is open: its worker was told to stop, and its outcome decides. */
  running: boolean;
  ended: boolean;
  stale: boolean;
  state?: EventState;
}

/** A run that was cancelled in Temporal asks what that means for its event. */
export async function cancelFromRun(pool: Pool, id: string, generation: number): Promise<RunCancel> {
  const { rows } = await pool.query<{ state: EventState; generation: number }>(
    `with locked as materialized (
       select id, state, generation from tem.event where id = $1 for update
     ), asked as (
       update tem.event e set cancel_requested = true from locked l
       where e.id = l.id and l.generation = $2 and l.state not in ${ENDED_SQL}
       returning e.id, e.state
     ), told as (
       select pg_notify($3, id::text) from asked where state = 'PROCESSING'
     )
     select l.state, l.generation, (select count(*) from told) as told from locked l`,
    [id, generation, CANCEL_CHANNEL],
  );
  const [row] = rows;
  if (!row) return { running: false, ended: false, stale: true };
  return {
    running: row.state === 'PROCESSING',
    ended: row.state === 'PROCESSED' || row.state === 'EXTINCT' || row.state === 'CANCELLED',
    stale: row.generation !== generation,
    state: row.state,
  };
}
