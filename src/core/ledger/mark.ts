// The outcome of an attempt. Every mark names the epoch that its attempt began with: an older attempt that reports late
// finds no row and changes nothing. The same statement runs alone, for a group, or inside a handler's transaction. It waits
// for no lock: a row that somebody holds must not delay the others of its group.

import type { Pool, PoolClient } from 'pg';
import { RowLocked } from '../errors.ts';
import { LANE } from './queue.ts';
import { ENDED_SQL, type EventState } from './states.ts';

/** How long after its time an event that a run should have taken up is looked after. */
const OVERDUE_AFTER_MS = 30_000;
/** The same for its end, which its run takes up at once, unless somebody has terminated it. */
const SETTLING_OVERDUE_AFTER_MS = 5_000;
export const ERROR_BYTES_MAX = 8_192;
const AGGREGATE_ERRORS_MAX = 5;
const AGGREGATE_DEPTH_MAX = 3;

export interface Mark {
  id: string;
  epoch: number;
  to: EventState;
  /** Whether this counts as a failed attempt. */
  failed: boolean;
  error: string | null;
  /** FAILED: the wait before the next attempt, the same number that Temporal is told. */
  delayMs: number;
  /** True: the event waits in the queue and nobody has it; false: its run goes on with it. */
  queued: boolean;
  /** FAILED and on its way to EXTINCT or CANCELLED. */
  compensating: boolean;
  /** The outcome of a compensation, not of an attempt. */
  ofSettling: boolean;
  compensationError: string | null;
  /** JSON text, or null to leave it. */
  result: string | null;
  actor: string;
}

const NOTHING = {
  failed: false,
  error: null,
  delayMs: 0,
  queued: false,
  compensating: false,
  ofSettling: false,
  compensationError: null,
  result: null,
} as const;

/** An error's text as the ledger keeps it; `hide` takes the payload's secrets out of it. */
export function errorText(error: unknown, hide: (text: string) => string = (text) => text): string {
  return ledgerText(hide(describe(error)));
}

/** Text as the ledger keeps it: at most 8 KiB, without control characters or lone surrogates. */
export function ledgerText(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  const clean = message.toWellFormed().replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ' ');
  const bytes = Buffer.from(clean);
  return bytes.length <= ERROR_BYTES_MAX
    ? clean
    : `${bytes
        .subarray(0, ERROR_BYTES_MAX - 4)
        .toString()
        .replace(/\ufffd+$/, '')}…`;
}

// Handlers throw anything: errors without a text, proxies and getters that throw in their turn.
function describe(error: unknown, depth = 0): string {
  try {
    if (error instanceof AggregateError && depth < AGGREGATE_DEPTH_MAX) return describeAll(error, depth);
    if (error instanceof Error) return String(error.message || error.name);
    const text = typeof error === 'string' ? error : (JSON.stringify(error) ?? String(error));
    return `a non-error was thrown: ${text}`;
  } catch {
    return `a non-error was thrown that can't be written as text`;
  }
}

/** What it is made of says what happened: a `localhost` that refuses gives one without a text. */
function describeAll({ name, message, errors }: AggregateError, depth: number): string {
  const inner = [...new Set(errors.slice(0, AGGREGATE_ERRORS_MAX).map((each) => describe(each, depth + 1)))];
  if (errors.length > AGGREGATE_ERRORS_MAX) inner.push(`and ${errors.length - AGGREGATE_ERRORS_MAX} more`);
  if (inner.length === 0) return message || name;
  return message ? `${message}: ${inner.join('; ')}` : inner.join('; ');
}

type Attempt = { id: string; epoch: number; actor: string };

export const marks = {
  processed: (attempt: Attempt, result: string | null): Mark => ({ ...NOTHING, ...attempt, to: 'PROCESSED', result }),
  /** Failed with a further attempt to come; `queued` when it leaves its run for the queue. */
  retry: (attempt: Attempt, error: string, delayMs: number, queued: boolean): Mark => ({
    ...NOTHING,
    ...attempt,
    to: 'FAILED',
    failed: true,
    error,
    delayMs,
    queued,
  }),
  /** Failed for good or cancelled, and its compensation (or its end in a workflow of its own) comes next. */
  settle: (attempt: Attempt, error: string | null, failed: boolean, queued: boolean): Mark => ({
    ...NOTHING,
    ...attempt,
    to: 'FAILED',
    failed,
    error,
    queued,
    compensating: true,
  }),
  end: (attempt: Attempt, to: 'EXTINCT' | 'CANCELLED', error: string | null, failed: boolean): Mark => ({
    ...NOTHING,
    ...attempt,
    to,
    failed,
    error,
  }),
  /** Handed back, such as by a stopping worker: as if the attempt had not begun. `why` is for the history alone. */
  release: (attempt: Attempt, why: string | null = null, delayMs = 0): Mark => ({
    ...NOTHING,
    ...attempt,
    to: 'QUEUED',
    error: why,
    delayMs,
    queued: true,
  }),
  /** The end of a compensation, with its error when it gave up. */
  settled: (attempt: Attempt, to: 'EXTINCT' | 'CANCELLED', compensationError: string | null): Mark => ({
    ...NOTHING,
    ...attempt,
    to,
    ofSettling: true,
    compensationError,
  }),
};

/**
 * Writes marks in one statement. Resolves, in order, to whether each was written: false means that its epoch is over,
 * RowLocked that somebody holds its row, and that it is to be written again.
 */
export async function mark(client: Pool | PoolClient, group: readonly Mark[]): Promise<(boolean | RowLocked)[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'mark',
    text: MARK,
    values: [
      group.map((each) => each.id),
      group.map((each) => each.epoch),
      group.map((each) => each.to),
      group.map((each) => each.failed),
      group.map((each) => each.error),
      group.map((each) => each.delayMs),
      group.map((each) => each.queued),
      group.map((each) => each.compensating),
      group.map((each) => each.compensationError),
      group.map((each) => each.result),
      group.map((each) => each.actor),
      group.map((each) => each.ofSettling),
    ],
  });
  const written = new Set(rows.map((row) => row.id));
  const missing = group.filter((each) => !written.has(each.id));
  const locked = missing.length === 0 ? written : await markableAmong(client, missing);
  return group.map((each) => written.has(each.id) || (locked.has(each.id) && new RowLocked(each.id)));
}

/** Of marks that weren't written, those whose row is as they need it: it was passed over because somebody held it. */
async function markableAmong(client: Pool | PoolClient, missing: readonly Mark[]): Promise<Set<string>> {
  const { rows } = await client.query<{ id: string }>({
    name: 'markable-among',
    text: `select e.id from tem.event e join unnest($1::uuid[], $2::int[], $3::bool[]) as i(id, epoch, of_settling)
        on e.id = i.id and e.epoch = i.epoch
      where ${MARKABLE}`,
    values: [missing.map((each) => each.id), missing.map((each) => each.epoch), missing.map((each) => each.ofSettling)],
  });
  return new Set(rows.map((row) => row.id));
}

/** Of tem.event e and mark i. An attempt's mark that is sent twice must not end the compensation that followed it. */
const MARKABLE = `case when i.of_settling then e.compensating and e.state <> 'PROCESSING' else e.state = 'PROCESSING' end`;

const MARK = `
  with input as (
    select * from unnest($1::uuid[], $2::int[], $3::text[], $4::bool[], $5::text[], $6::float8[], $7::bool[], $8::bool[],
      $9::text[], $10::text[], $11::text[], $12::bool[])
      as i(id, epoch, to_state, failed, error, delay_ms, queued, compensating, compensation_error, result, actor, of_settling)
  ), locked as materialized (
    -- A cancel that came too late for the attempt's signal must not wait for the next attempt. And what was freed under
    -- its attempt stays in the queue: the attempt's own run is stale.
    select i.*, e.state as from_state, e.version + 1 as version, e.retry_count as failures, clock_timestamp() as at,
      e.cancel_requested and i.to_state = 'FAILED' and not i.compensating as cancelled,
      i.to_state not in ${ENDED_SQL} and (i.queued or e.due_at is not null or e.cancel_requested and not i.compensating) as waits
    from tem.event e join input i on e.id = i.id and e.epoch = i.epoch
    where ${MARKABLE} order by e.id for update of e skip locked
  ), marked as (
    update tem.event e set
      state = l.to_state, version = l.version, updated_at = l.at, locked_at = null, worker_id = null,
      retry_count = e.retry_count + l.failed::int, last_error = coalesce(case when l.to_state <> 'QUEUED' then l.error end, e.last_error),
      result = coalesce(l.result::jsonb, e.result), compensating = l.compensating,
      -- None once it succeeded.
      compensation_error = case when l.of_settling then l.compensation_error else e.compensation_error end,
      processed_at = case when l.to_state = 'PROCESSED' then l.at end,
      next_retry_at = case when l.to_state = 'FAILED' and not l.compensating and not l.cancelled
        then l.at + l.delay_ms * interval '1 ms' end,
      due_at = case when l.waits and l.cancelled then l.at when l.waits then l.at + l.delay_ms * interval '1 ms' end,
      due_by = case when not l.waits and l.to_state not in ${ENDED_SQL}
        then l.at + case when l.compensating then ${SETTLING_OVERDUE_AFTER_MS} else l.delay_ms + ${OVERDUE_AFTER_MS} end * interval '1 ms' end,
      workflow_id = case when l.waits then null else e.workflow_id end,
      lane = case when l.cancelled or l.waits and l.compensating then greatest(e.lane, ${LANE.own}) else e.lane end,
      cancel_requested = e.cancel_requested and l.to_state not in ${ENDED_SQL}
    from locked l where e.id = l.id
    returning e.id
  ), kept as (
    insert into tem.transition (event_id, version, at, from_state, to_state, attempt, error, actor)
    select id, version, at, from_state, to_state, failures + (from_state = 'PROCESSING')::int,
      coalesce(error, compensation_error), actor
    from locked
  )
  select id from marked`;

/** Those of these attempts that still are open: neither marked nor taken by a newer one. */
export async function openAmong<Each extends { id: string; epoch: number }>(
  pool: Pool,
  attempts: readonly Each[],
): Promise<Each[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select e.id from tem.event e join unnest($1::uuid[], $2::int[]) as a(id, epoch) on e.id = a.id and e.epoch = a.epoch
     where e.state = 'PROCESSING'`,
    [attempts.map((each) => each.id), attempts.map((each) => each.epoch)],
  );
  const open = new Set(rows.map((row) => row.id));
  return attempts.filter((each) => open.has(each.id));
}

/** Where an event stands, read after an unanswered COMMIT. */
export async function standing(pool: Pool, id: string): Promise<{ state: EventState; epoch: number } | undefined> {
  const { rows } = await pool.query('select state, epoch from tem.event where id = $1', [id]);
  return rows[0];
}
