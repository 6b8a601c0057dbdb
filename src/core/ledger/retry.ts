// A person's "try again": a FAILED event now instead of at next_retry_at, an EXTINCT one revived as a new run of the same
// workflow id. Both put the event into the queue with a new generation, so whatever the old run still does is stale.

import type { Pool } from 'pg';
import type { PersonAnswer } from './cancel.ts';
import { DUE_CHANNEL } from './queue.ts';

/** Retries or revives an event for `actor`. Conflict in every other state, and while compensation runs. */
export async function retryEvent(pool: Pool, id: string, actor: string): Promise<PersonAnswer> {
  const { rows } = await pool.query(
    `with locked as materialized (
       select * from tem.event where id = $1 for update
     ), freed as (
       update tem.event e set version = e.version + 1, updated_at = clock_timestamp(), generation = e.generation + 1,
         state = case when l.state = 'EXTINCT' then 'QUEUED' else 'FAILED' end,
         retry_count = case when l.state = 'EXTINCT' then 0 else e.retry_count end,
         -- What could not be compensated still may have to be.
         begun = e.begun and (l.state <> 'EXTINCT' or l.compensation_error is not null),
         crash_count = case when l.state = 'EXTINCT' then 0 else e.crash_count end,
         lane = case when l.state = 'EXTINCT' then 0 else e.lane end,
         -- Who revives what has expired wants it to run.
         expires_at = case when l.state = 'EXTINCT' and (l.expires_at <= clock_timestamp() or l.last_error like 'expired: %')
           then 'infinity' else e.expires_at end,
         processed_at = null, compensation_error = null, compensation_tries = 0, cancel_requested = false, compensating = false,
         next_retry_at = case when l.state = 'FAILED' then clock_timestamp() end,
         worker_id = null, workflow_id = null, due_by = null, due_at = clock_timestamp()
       from locked l
       where e.id = l.id and (l.state = 'EXTINCT' or (l.state = 'FAILED' and not l.compensating)) and not l.pruned
       returning e.id, e.version, e.state, l.state as from_state, e.retry_count
     ), kept as (
       insert into tem.transition (event_id, version, from_state, to_state, attempt, actor)
       select id, version, from_state, state, retry_count, $2 from freed where state <> from_state
     ), told as (
       select pg_notify('${DUE_CHANNEL}', '') from freed
     )
     select l.state as "before", l.pruned, l.compensating, f.state as "after", (select count(*) from told) as told
     from locked l left join freed f on f.id = l.id`,
    [id, actor],
  );
  const [row] = rows;
  if (!row) return { outcome: 'missing' };
  if (row.after !== null) return { outcome: 'done', state: row.after };
  return {
    outcome: 'conflict',
    state: row.before,
    ...(row.pruned && { why: 'pruned' }),
    ...(row.compensating && { why: 'compensating' }),
  };
}
