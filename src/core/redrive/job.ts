// A job that tries again, or cancels, the events that a filter found: its rows, its states and what people may do with it.
// The set is frozen when the job is made (freeze.ts), a worker works it off (step.ts), and what hasn't begun can be taken
// back (undo.ts).

import type { Pool, PoolClient } from 'pg';

export type JobState = 'running' | 'paused' | 'stopped' | 'cancelled' | 'done';
export type JobAction = 'retry' | 'cancel';

export interface Job {
  id: string;
  action: JobAction;
  filter: Record<string, unknown>;
  state: JobState;
  ratePerSecond: number;
  canary: { count: number; maxFailedPercent: number } | null;
  /** Of these `done` were begun or passed over (`skipped`); the others count what became of those that were begun. */
  matches: number;
  done: number;
  skipped: number;
  processed: number;
  /** Ended EXTINCT again, or failed again and wait for their next attempt. */
  failed: number;
  cancelled: number;
  undone: number;
  /** Why it was stopped. */
  reason: string | null;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
  endedAt: string | null;
}

export interface JobRow {
  id: string;
  action: JobAction;
  filter: Record<string, unknown>;
  state: JobState;
  rate_per_second: number;
  canary_count: number | null;
  canary_max_failed_percent: number | null;
  canary_passed: boolean;
  matches: number;
  done: number;
  skipped: number;
  processed: number;
  failed: number;
  cancelled: number;
  undone: number;
  paced_count: number;
  reason: string | null;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  ended_at: Date | null;
}

export function presentJob(row: JobRow): Job {
  const { canary_count: count, canary_max_failed_percent: maxFailedPercent } = row;
  return {
    id: row.id,
    action: row.action,
    filter: row.filter,
    state: row.state,
    ratePerSecond: row.rate_per_second,
    canary: count === null || maxFailedPercent === null ? null : { count, maxFailedPercent },
    matches: row.matches,
    done: row.done,
    skipped: row.skipped,
    processed: row.processed,
    failed: row.failed,
    cancelled: row.cancelled,
    undone: row.undone,
    reason: row.reason,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}

export async function getJob(pool: Pool | PoolClient, id: string): Promise<Job | undefined> {
  const { rows } = await pool.query<JobRow>('select * from tem.redrive where id = $1', [id]);
  return rows[0] && presentJob(rows[0]);
}

/** Why events of the job were passed over, most first. */
export async function skippedBecause(pool: Pool, id: string): Promise<{ why: string; count: number }[]> {
  const { rows } = await pool.query<{ why: string; count: number }>(
    `select why, count(*)::int as count from tem.redrive_event where redrive_id = $1 and outcome = 'skipped'
     group by why order by 2 desc, 1`,
    [id],
  );
  return rows;
}

/** The newest jobs before `before` (an id). */
export async function listJobs(
  pool: Pool,
  limit: number,
  before: string | undefined,
): Promise<{ jobs: Job[]; more: boolean }> {
  const { rows } = await pool.query<JobRow>(
    'select * from tem.redrive where $1::uuid is null or id < $1 order by id desc limit $2',
    [before ?? null, limit + 1],
  );
  return { jobs: rows.slice(0, limit).map(presentJob), more: rows.length > limit };
}

export interface JobEvent {
  n: number;
  event: string;
  fromState: string;
  /** Null: its turn has not come. */
  outcome: string | null;
  why: string | null;
}

/** Events of a job after its `after`-th, in the order of their turns. */
export async function listJobEvents(
  pool: Pool,
  id: string,
  options: { outcome?: string; after: number; limit: number },
): Promise<JobEvent[]> {
  const { rows } = await pool.query<JobEvent>(
    `select n, event_id as event, from_state as "fromState", outcome, why from tem.redrive_event
     where redrive_id = $1 and n > $2 and ($3::text is null or outcome = $3) order by n limit $4`,
    [id, options.after, options.outcome ?? null, options.limit],
  );
  return rows;
}

const STEERING = {
  pause: { from: ['running'], to: 'paused' },
  /** Of a stopped one too: who resumes it has seen why, and wants the rest. */
  resume: { from: ['paused', 'stopped'], to: 'running' },
  cancel: { from: ['running', 'paused', 'stopped'], to: 'cancelled' },
} as const;
export type Steering = keyof typeof STEERING;

/** Does it and resolves to the job; to the state that forbids it, or to undefined when there is no such job. */
export async function steerJob(
  client: Pool | PoolClient,
  id: string,
  how: Steering,
): Promise<Job | JobState | undefined> {
  const { from, to } = STEERING[how];
  const { rows } = await client.query<JobRow>(
    `update tem.redrive set canary_passed = canary_passed or state = 'stopped', state = $3,
       paced_from = null, paced_count = 0, reason = null, updated_at = clock_timestamp(),
       ended_at = case when $3 = 'cancelled' then clock_timestamp() end
     where id = $1 and state = any($2::text[]) returning *`,
    [id, from, to],
  );
  if (rows[0]) return presentJob(rows[0]);
  return (await getJob(client, id))?.state;
}

const KEPT_DAYS = 30;
const PRUNED_MAX = 10_000;

/** Deletes a slice of the oldest job that ended long ago; resolves to how many rows. */
export async function pruneJobs(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ gone: number }>(
    `with old as materialized (
       select id from tem.redrive where ended_at < now() - interval '${KEPT_DAYS} days' order by ended_at limit 1
     ), gone as (
       delete from tem.redrive_event where redrive_id = (select id from old) and n in (
         select n from tem.redrive_event where redrive_id = (select id from old) order by n limit ${PRUNED_MAX}) returning 1
     ), ended as (
       delete from tem.redrive where id = (select id from old) and (select count(*) from gone) < ${PRUNED_MAX} returning 1
     )
     select ((select count(*) from gone) + (select count(*) from ended))::int as gone`,
  );
  return rows[0]?.gone ?? 0;
}
