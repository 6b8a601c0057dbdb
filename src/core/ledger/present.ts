// A row of the ledger as the contract's JSON: names in camelCase, times in UTC with milliseconds, secret fields masked,
// and for an event that hasn't run yet the reason why.

import type { EventTypeDescription } from '../event-type-description.ts';
import type { FlowWaiting } from '../flows/waiting.ts';
import { maskSecrets } from '../secret-fields.ts';
import { traceIdOf } from '../tracing/index.ts';
import { eventWorkflowId } from '../workflow-id.ts';
import type { EventState } from './states.ts';
import type { TypeDirectory } from './type-directory.ts';

const MAX_ATTEMPTS_DEFAULT = 5;

export interface EventRow {
  id: string;
  type: string;
  key: string;
  payload: unknown;
  priority: number;
  group: string;
  run_at: Date | number;
  expires_at: Date | number | null;
  state: EventState;
  retry_count: number;
  max_attempts: number | null;
  last_error: string | null;
  next_retry_at: Date | number | null;
  locked_at: Date | null;
  result: unknown;
  created_at: Date;
  updated_at: Date;
  processed_at: Date | null;
  source: string;
  workflow_id: string | null;
  cancel_requested: boolean;
  compensating: boolean;
  compensation_error: string | null;
  crash_count: number;
  pruned: boolean;
  trace_context: string | null;
  /** Whether nobody has claimed it. */
  queued: boolean;
  /** Of a line: the event that has its turn before this one, or this one itself when none has. */
  behind: string | null;
  /** When it is due, while that lies ahead by Postgres's clock. */
  due_ahead: Date | number | null;
  /** Of one event that was asked for: whether a person has edited its payload. */
  edited?: boolean;
}

export interface PreviousPayload {
  payload: unknown;
  replacedAt: string;
  actor: string;
}

export interface Waiting {
  reason: 'due' | 'slots' | 'paused' | 'rate' | 'turn' | 'behind';
  until?: string;
  detail: string;
}

export interface EventJson {
  id: string;
  type: string;
  key: string;
  payload: unknown;
  priority: number;
  group: string | null;
  runAt: string | null;
  expiresAt: string | null;
  state: EventState;
  retryCount: number;
  maxAttempts: number;
  lastError: string | null;
  nextRetryAt: string | null;
  lockedAt: string | null;
  result: unknown;
  workflowId: string;
  createdAt: string | null;
  updatedAt: string | null;
  processedAt: string | null;
  source: string;
  cancelRequested: boolean;
  compensating: boolean;
  compensationError: string | null;
  crashCount: number;
  pruned: boolean;
  /** Of an event that was handed over within a trace. */
  traceId?: string;
  waiting?: Waiting;
  /** Of one event that a person has edited. */
  previousPayloads?: PreviousPayload[];
}

/** `held`: why it waits although it is due, where flows and turns know it. */
export function presentEvent(row: EventRow, types: TypeDirectory, held?: FlowWaiting): EventJson {
  const known = types.get(row.type);
  const description = known?.description;
  const traceId = traceIdOf(row.trace_context);
  const waiting = waitingOf(row, types.isFresh() ? (known?.workers ?? 0) : undefined, held);
  return {
    id: row.id,
    type: row.type,
    key: row.key,
    payload: row.pruned ? null : masked(row.payload, description),
    priority: row.priority,
    group: row.group === '' ? null : row.group,
    runAt: instant(row.run_at),
    expiresAt: instant(row.expires_at),
    state: row.state,
    retryCount: row.retry_count,
    maxAttempts: row.max_attempts ?? description?.retry.maxAttempts ?? MAX_ATTEMPTS_DEFAULT,
    lastError: row.last_error,
    nextRetryAt: instant(row.next_retry_at),
    lockedAt: instant(row.locked_at),
    result: row.result,
    workflowId: row.workflow_id ?? eventWorkflowId(row.type, row.key, description?.keyPrivate),
    createdAt: instant(row.created_at),
    updatedAt: instant(row.updated_at),
    processedAt: instant(row.processed_at),
    source: row.source,
    cancelRequested: row.cancel_requested,
    compensating: row.compensating,
    compensationError: row.compensation_error,
    crashCount: row.crash_count,
    pruned: row.pruned,
    ...(traceId !== undefined && { traceId }),
    ...(waiting && { waiting }),
  };
}

export function masked(payload: unknown, description: EventTypeDescription | undefined): unknown {
  return description ? maskSecrets(description.schema, payload) : payload;
}

/** Whether it waits in the queue and is due. */
export function isHeldUp(row: EventRow): boolean {
  return (
    row.queued && row.due_ahead === null && !row.compensating && (row.state === 'QUEUED' || row.state === 'FAILED')
  );
}

/** RFC 3339 in UTC; null for none, and for Postgres's infinity, which JSON has no word for. */
export function instant(time: Date | number | null): string | null {
  return time instanceof Date && Number.isFinite(time.getTime()) ? time.toISOString() : null;
}

/** An event that could not be run at its time comes again later than that. */
function whyQueued({ run_at, due_ahead }: EventRow): string {
  return Number(due_ahead) > Number(run_at)
    ? 'was put back because it could not be run, and comes again then; its history or the log says why'
    : 'its time has not come';
}

function behind({ id, behind: other }: EventRow): string {
  return other === id ? 'its turn in the order of its value comes next' : `behind ${other}, which has the same value`;
}

/** `workers`: undefined when nobody can tell now how many live. */
function waitingOf(row: EventRow, workers: number | undefined, held: FlowWaiting | undefined): Waiting | undefined {
  const unknown: Waiting | undefined =
    workers === 0 ? { reason: 'slots', detail: `no live worker knows the type ${row.type}` } : undefined;
  // An attempt or a compensation that has lost its worker, and nobody is left to take it up.
  if (row.state === 'PROCESSING' || row.compensating) return row.queued ? unknown : undefined;
  if (row.state !== 'QUEUED' && row.state !== 'FAILED') return undefined;
  if (row.behind !== null) return { reason: 'behind', detail: behind(row) };
  if (row.due_ahead !== null) {
    const until = instant(row.due_ahead);
    const detail = row.state === 'FAILED' ? 'waits for its next attempt' : whyQueued(row);
    return { reason: 'due', ...(until !== null && { until }), detail };
  }
  if (held && (held.reason === 'paused' || !unknown)) {
    const until = held.until && instant(held.until);
    return { reason: held.reason, ...(until && { until }), detail: held.detail };
  }
  if (workers === undefined) return undefined;
  const detail = row.queued ? 'is due and waits for a free slot' : 'a worker has taken it and is about to run it';
  return unknown ?? { reason: 'slots', detail };
}
