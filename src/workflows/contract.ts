// The durable names and messages between the relay, the workflows and their activities. A name here is in Temporal's
// histories and in other releases' workers: it may be added to, never changed.

import type { AttemptOutcome } from '../core/attempt/attempt.ts';
import type { BatchMember, BatchOutcome } from '../core/attempt/batch.ts';
import type { SettleOutcome } from '../core/attempt/settle.ts';
import type { RunBegin, RunEnd, RunFence } from '../core/attempt/workflow-run.ts';
import type { RunCancel } from '../core/ledger/cancel.ts';
import type { SEARCH_ATTRIBUTES } from '../core/temporal.ts';

export const WORKFLOW = {
  event: 'event',
  eventBatch: 'eventBatch',
  reconcile: 'reconcile',
  scheduleFiring: 'scheduleFiring',
} as const;

/** Failure types that a person can filter by in Temporal. */
export const FAILURE = {
  extinct: 'EventExtinct',
  attemptFailed: 'EventAttemptFailed',
  compensationFailed: 'CompensationFailed',
  refused: 'EventStartRefused',
  unexpected: 'UnexpectedFailure',
} as const;

/** Which event an `event` run is about, as far as its memo says: a run that a person started has none. */
export interface EventMemo {
  ledger: string;
  event: string;
  generation: number;
}

export const SEARCH_ATTRIBUTE = { type: 'TemEventType', state: 'TemState' } as const satisfies Record<
  string,
  keyof typeof SEARCH_ATTRIBUTES
>;

/** The policy that the run needs; everything else is in the ledger. Durations in milliseconds. */
export interface EventPolicy {
  timeoutMs: number;
  long: boolean;
  maxAttempts: number;
  /** The workflow that makes the attempts, as a child. */
  workflow?: string;
}

export interface EventInput {
  /** The ledger's id, so that a worker on another database notices. */
  ledger: string;
  id: string;
  type: string;
  key: string;
  generation: number;
  /** The attempt that this run begins with. */
  attempt: number;
  policy: EventPolicy;
  /** Whether the custom search attributes exist on this server. */
  searchAttributes: boolean;
}

/** A person's start by hand names the event only. */
export type EventStart = EventInput | { id: string };

export interface EventBatchInput {
  ledger: string;
  type: string;
  policy: EventPolicy;
  members: BatchMember[];
}

export interface AttemptInput {
  ledger: string;
  id: string;
  type: string;
  generation: number;
  attempt: number;
}

/** What the workflows call. Implemented by createActivities in src/activities. */
export interface EventActivities {
  /** The first attempt; resolves also when it failed. */
  firstAttempt(input: AttemptInput): Promise<AttemptOutcome>;
  /** Later attempts (and those of long types); a failure that is tried again rejects with its next delay. */
  attempt(input: AttemptInput): Promise<AttemptOutcome>;
  /** The attempt of a workflow: begins it in the ledger, before the child starts. */
  beginRun(input: AttemptInput): Promise<RunBegin>;
  /** Writes down how the child ended. */
  endRun(input: AttemptInput & { fence: RunFence; ended: RunEnd }): Promise<AttemptOutcome>;
  runBatch(input: EventBatchInput): Promise<BatchOutcome>;
  settle(input: AttemptInput): Promise<Exclude<SettleOutcome, { outcome: 'again' }>>;
  /** The run was cancelled in Temporal: what does the ledger say? */
  requestCancel(input: AttemptInput): Promise<RunCancel>;
  /** Takes the event for a run started by hand; rejects in words when it can't. */
  adopt(input: { id: string }): Promise<EventInput>;
  reconcile(input: { ledger: string }): Promise<void>;
  /** Takes the nominal time of this firing; resolves to what became of it, in words. */
  fireSchedule(input: { schedule: string }): Promise<string>;
}
