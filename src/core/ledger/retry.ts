// A person's "try again": a FAILED event now instead of at next_retry_at, an EXTINCT one revived as a new run of the same
// workflow id. Both put the event into the queue with a new generation, so whatever the old run still does is stale.

import type { Pool, PoolClient } from 'pg';
import type { PersonAnswer } from './cancel.ts';
import { DUE_CHANNEL } from './queue.ts';
import type { EventState } from './states.ts';

export interface RetryRequest {
  id: string;
  /** Only if nothing has happened to it since it had this version. */
  version?: number;
}

export type RetryAnswer = Omit<PersonAnswer, 'why'> & {
  why?: PersonAnswer['why'] | 'changed';
  /** The event's version after it, and what it changed, for who takes it back. */
  version?: number;
  before?: Record<string, unknown>;
};

/** What a retry changes, and taking it back restores; the columns' names. */
export const RETRY_CHANGES = [
  'retry_count',
  'begun',
  'crash_count',
  'lane',
  'expires_at',
  'compensation_error',
  'compensation_tries',
  'next_retry_at',
] as const;

const RETRY = `
  with wanted as (
    select * from unnest($1::uuid[], $3::int[]) as w(id, version)
  ), locked as materialized (
    select e.*, w.version as wanted_version from tem.event e join wanted w on w.id = e.id order by e.id for update of e
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
      worker_id = null, workflow_id = null, due_by = null, due_at = clock_timestamp(),
      payload = coalesce($4::jsonb, e.payload)
    from locked l
    where e.id = l.id and (l.state = 'EXTINCT' or (l.state = 'FAILED' and not l.compensating)) and not l.pruned
      and l.version = coalesce(l.wanted_version, l.version)
    returning e.id, e.version, e.state, l.state as from_state, e.retry_count, e.payload <> l.payload as edited,
      l.payload as payload_before
  ), kept as (
    insert into tem.transition (event_id, version, from_state, to_state, attempt, actor)
    select id, version, from_state, state, retry_count, $2 from freed where state <> from_state
  ), replaced as (
    insert into tem.previous_payload (event_id, version, payload, actor)
    select id, version - 1, payload_before, $2 from freed where edited
  ), told as (
    select pg_notify('${DUE_CHANNEL}', '') from freed limit 1
  )
  select l.id, l.state as "before", l.pruned, l.compensating, l.version <> coalesce(l.wanted_version, l.version) as changed,
    f.state as "after", f.version, (select count(*) from told) as told,
    jsonb_build_object(${RETRY_CHANGES.map((name) => `'${name}', l.${name}`).join(', ')}) as changes
  from locked l left join freed f on f.id = l.id`;

interface Row {
  id: string;
  before: EventState;
  pruned: boolean;
  compensating: boolean;
  changed: boolean;
  after: EventState | null;
  version: number | null;
  changes: Record<string, unknown>;
}

/** Retries or revives an event for `actor`. Conflict in every other state, and while compensation runs. */
export async function retryEvent(
  client: Pick<Pool, 'query'>,
  id: string,
  actor: string,
  /** JSON text that takes the place of its payload; the old one is kept beside it. */
  payload?: string,
): Promise<PersonAnswer> {
  const { rows } = await client.query<Row>(RETRY, [[id], actor, [null], payload ?? null]);
  const { outcome, state, why } = answerOf(rows[0]);
  const from = outcome === 'done' ? rows[0]?.before : undefined;
  return { outcome, ...(state && { state }), ...(from && { from }), ...(why && why !== 'changed' && { why }) };
}

/** The same for several, in one statement; answers by id. */
export async function retryEvents(
  client: Pool | PoolClient,
  requests: readonly RetryRequest[],
  actor: string,
): Promise<Map<string, RetryAnswer>> {
  const { rows } = await client.query<Row>({
    name: 'retry-events',
    text: RETRY,
    values: [requests.map(({ id }) => id), actor, requests.map(({ version }) => version ?? null), null],
  });
  const found = new Map(rows.map((row) => [row.id, row]));
  return new Map(requests.map(({ id }) => [id, answerOf(found.get(id))]));
}

function answerOf(row: Row | undefined): RetryAnswer {
  if (!row) return { outcome: 'missing' };
  if (row.after !== null)
    return { outcome: 'done', state: row.after, version: row.version as number, before: row.changes };
  const why = row.pruned ? 'pruned' : row.compensating ? 'compensating' : row.changed ? 'changed' : undefined;
  return { outcome: 'conflict', state: row.before, ...(why && { why }) };
}
