// A new event as its row is at the moment of its acceptance, so that the answer of a POST needs no second look at the
// ledger.

import { type AcceptInput, type AcceptOutcome, PRIORITY_DEFAULT } from '../../core/ledger/accept.ts';
import type { EventRow } from '../../core/ledger/present.ts';

export function acceptedRow(input: AcceptInput, outcome: AcceptOutcome): EventRow {
  const createdAt = outcome.createdAt ?? new Date(Number.NaN);
  const runAt = outcome.runAt ?? createdAt;
  return {
    id: outcome.id,
    type: input.type,
    key: input.key ?? outcome.id,
    payload: input.payload,
    priority: input.priority ?? PRIORITY_DEFAULT,
    group: input.group ?? '',
    run_at: runAt,
    expires_at: input.expiresAt ?? (input.ttlMs === undefined ? null : laterBy(input.ttlMs, runAt, createdAt)),
    state: 'QUEUED',
    retry_count: 0,
    max_attempts: null,
    last_error: null,
    next_retry_at: null,
    locked_at: null,
    result: null,
    created_at: createdAt,
    updated_at: createdAt,
    processed_at: null,
    source: input.source,
    workflow_id: null,
    cancel_requested: false,
    compensating: false,
    compensation_error: null,
    crash_count: 0,
    pruned: false,
    trace_context: outcome.traceContext ?? null,
    queued: true,
    behind: null,
    due_ahead: runAt > createdAt ? runAt : null,
  };
}

/** So long after the later of two times. */
function laterBy(ms: number, one: Date, other: Date): Date {
  return new Date(Math.max(one.getTime(), other.getTime()) + ms);
}
