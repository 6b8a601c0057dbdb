// Takes a redrive back as far as that goes: what waits and hasn't begun since is as it was before. What has begun may have
// done something, and stays; a cancelled event stays cancelled.

import type { PoolClient } from 'pg';
import { RETRY_CHANGES } from '../ledger/retry.ts';
import { getJob, type Job, type JobState, steerJob } from './job.ts';

/** How a column of text in `before` is read back. */
const TYPES: Record<(typeof RETRY_CHANGES)[number], string> = {
  retry_count: 'int',
  begun: 'bool',
  crash_count: 'smallint',
  lane: 'smallint',
  expires_at: 'timestamptz',
  compensation_error: 'text',
  compensation_tries: 'smallint',
  next_retry_at: 'timestamptz',
};

export interface Undone {
  job: Job;
  /** Are as they were before. */
  undone: number;
  /** Had begun already. */
  kept: number;
}

/**
 * Ends the job and takes back what it may, in the caller's transaction. Resolves to undefined when there is no such job,
 * and to its action when that can't be undone.
 */
export async function undoJob(client: PoolClient, id: string, actor: string): Promise<Undone | 'cancel' | undefined> {
  const before = await getJob(client, id);
  if (!before) return undefined;
  if (before.action === 'cancel') return 'cancel';
  // Waits for a step that is under way; none follows it.
  await client.query('select from tem.redrive where id = $1 for update', [id]);
  const steered: Job | JobState | undefined = await steerJob(client, id, 'cancel');
  if (!steered) return undefined;
  const { rowCount } = await client.query(
    `with waiting as materialized (
       select r.n, r.event_id, r.from_state, r.before, e.state from tem.redrive_event r
         join tem.event e on e.id = r.event_id and e.version = r.version
       where r.redrive_id = $1 and r.outcome = 'begun' and e.state in ('QUEUED', 'FAILED') and not e.cancel_requested
       order by e.id for update of e
     ), restored as (
       update tem.event e set state = w.from_state, version = e.version + 1, generation = e.generation + 1,
         ${RETRY_CHANGES.map((name) => `${name} = (w.before->>'${name}')::${TYPES[name]}`).join(', ')},
         worker_id = null, workflow_id = null, due_by = null, updated_at = clock_timestamp(),
         due_at = case when w.from_state = 'FAILED'
           then coalesce((w.before->>'next_retry_at')::timestamptz, clock_timestamp()) end
       from waiting w where e.id = w.event_id
       returning e.id, e.version, w.state as from_state, e.state, e.retry_count
     ), kept as (
       insert into tem.transition (event_id, version, from_state, to_state, attempt, error, actor)
       select id, version, from_state, state, retry_count, 'the redrive was undone', $2 from restored where state <> from_state
     )
     update tem.redrive_event r set outcome = 'undone' from waiting w where r.redrive_id = $1 and r.n = w.n`,
    [id, `${actor}, redrive ${id}`],
  );
  const undone = rowCount ?? 0;
  await client.query('update tem.redrive set undone = undone + $2, updated_at = clock_timestamp() where id = $1', [
    id,
    undone,
  ]);
  const job = (await getJob(client, id)) as Job;
  return { job, undone, kept: job.done - job.skipped - job.undone };
}
