// The set of a job is what matches at one moment, in one statement: what comes later doesn't belong to it, and what is
// taken meanwhile is passed over when its turn comes.

import type { Pool, PoolClient } from 'pg';
import { candidates, type EventFilter } from '../ledger/candidates.ts';
import { SearchTooBroad } from '../ledger/events.ts';
import { inTransaction } from '../ledger/in-transaction.ts';
import { type Job, type JobAction, type JobRow, presentJob } from './job.ts';

/** Events of one job. */
export const MATCHES_MAX = 1_000_000;
export const IDS_MAX = 1_000;
const FREEZE_WITHIN_MS = 25_000;
const STATEMENT_CANCELLED = '57014';

/** More match than one job takes, and no limit was given. */
export class TooManyMatches extends Error {
  override readonly name = 'TooManyMatches';
}

export interface NewJob {
  action: JobAction;
  /** What it is made for; `ids` are events that a person selected. */
  events: EventFilter | { ids: readonly string[]; states: readonly string[] };
  /** As it is shown. */
  filter: Record<string, unknown>;
  /** The newest so many. */
  limit?: number;
  ratePerSecond: number;
  canary?: { count: number; maxFailedPercent: number };
  /** Begins as paused, so that what a confirmation shows is what is done. */
  paused?: boolean;
  actor: string;
}

interface Matching {
  tables: string;
  text: string;
  values: unknown[];
}

function matching({ events, limit = MATCHES_MAX + 1 }: Pick<NewJob, 'events' | 'limit'>): Matching {
  if (!('ids' in events)) return candidates(events, undefined, limit);
  return {
    tables: '',
    text: `select id from tem.event where id = any($1::uuid[]) and state = any($2::text[]) limit ${limit}`,
    values: [events.ids, events.states],
  };
}

/** How many events match now. Throws SearchTooBroad. */
export async function countMatches(pool: Pool, job: Pick<NewJob, 'events' | 'limit'>): Promise<number> {
  const { tables, text, values } = matching(job);
  return inTransaction(pool, async (client) => {
    await limitTime(client);
    const { rows } = await client
      .query<{ count: number }>(`with recursive ${tables} found as (${text}) select count(*)::int from found`, values)
      .catch(tooBroad);
    return rows[0]?.count ?? 0;
  });
}

/** Makes the job with its set, in the caller's transaction. Throws SearchTooBroad and TooManyMatches. */
export async function createJob(client: PoolClient, job: NewJob): Promise<Job> {
  await limitTime(client);
  const { rows } = await client.query<JobRow>(
    `insert into tem.redrive (action, filter, state, rate_per_second, canary_count, canary_max_failed_percent, matches, created_by)
     values ($1, $2, 'paused', $3, $4, $5, 0, $6) returning *`,
    [
      job.action,
      JSON.stringify(job.filter),
      job.ratePerSecond,
      job.canary?.count ?? null,
      job.canary?.maxFailedPercent ?? null,
      job.actor,
    ],
  );
  const { id } = rows[0] as JobRow;
  const { tables, text, values } = matching(job);
  const { rowCount } = await client
    .query(
      `with recursive ${tables} found as materialized (${text})
       insert into tem.redrive_event (redrive_id, n, event_id, from_state, from_version)
       select $${values.length + 1}, row_number() over (order by e.created_at, e.id), e.id, e.state, e.version
       from found join tem.event e on e.id = found.id`,
      [...values, id],
    )
    .catch(tooBroad);
  const matches = rowCount ?? 0;
  if (matches > MATCHES_MAX) throw new TooManyMatches(`more than ${MATCHES_MAX} events match`);
  const { rows: made } = await client.query<JobRow>(
    `update tem.redrive set matches = $2, state = $3, ended_at = case when $3 = 'done' then clock_timestamp() end
     where id = $1 returning *`,
    [id, matches, matches === 0 ? 'done' : job.paused ? 'paused' : 'running'],
  );
  return presentJob(made[0] as JobRow);
}

async function limitTime(client: PoolClient): Promise<void> {
  await client.query(`set local statement_timeout = ${FREEZE_WITHIN_MS}`);
}

function tooBroad(error: { code?: unknown }): never {
  if (error.code === STATEMENT_CANCELLED) throw new SearchTooBroad('the search took too long');
  throw error;
}
