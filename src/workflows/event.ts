// The life of one event, from top to bottom: try, wait, try, compensate, end. Every decision is the ledger's; the
// workflow keeps the time and makes the story visible in Temporal's Web UI.

import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { AttemptOutcome } from '../core/attempt/attempt.ts';
import type { SettleOutcome } from '../core/attempt/settle.ts';
import { childAttempt } from './child-attempt.ts';
import {
  type AttemptInput,
  type EventActivities,
  type EventInput,
  type EventStart,
  FAILURE,
  SEARCH_ATTRIBUTE,
} from './contract.ts';
import { adoption, asking, attempting, settling } from './options.ts';

export interface EventEnd {
  /** The event's state when this run ended; `superseded` when a newer run has it. */
  state: string;
}

type Step = AttemptOutcome | Exclude<SettleOutcome, { outcome: 'again' }>;

export async function event(start: EventStart): Promise<EventEnd> {
  const input = isFromRelay(start) ? start : await proxyLocalActivities<EventActivities>(adoption).adopt(start);
  try {
    let step: Step = await firstAttempt(input);
    // Temporal repeats the activity of the later attempts; those of a workflow are repeated here.
    while (step.outcome === 'retry' && !step.left) {
      show(input, 'FAILED');
      await sleep(step.delayMs);
      step = await laterAttempts(input, step.attempt + 1);
      // A run that went well at once shows nothing; this one was shown as FAILED.
      if (step.outcome === 'processed') show(input, 'PROCESSED');
    }
    if (step.outcome === 'settle') step = await settle(input);
    return end(input, step);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    return CancellationScope.nonCancellable(() => settleCancelled(input, error));
  }
}

/** A person may have given anything, also nothing. */
function isFromRelay(start: Partial<EventInput> | undefined): start is EventInput {
  return typeof start?.id === 'string' && typeof start.generation === 'number' && typeof start.policy === 'object';
}

/** A local activity: no further trip to the server when all goes well. A long type shows its heartbeats instead. */
function firstAttempt(input: EventInput): Promise<AttemptOutcome> {
  if (input.policy.long || input.policy.workflow !== undefined) return laterAttempts(input, input.attempt);
  return untilCancelled(input, () =>
    proxyLocalActivities<EventActivities>(attempting.local(input.policy)).firstAttempt(attemptOf(input, input.attempt)),
  );
}

/** Temporal repeats the activity after the delay that each failure names, so its attempts and failures are visible. */
function laterAttempts(input: EventInput, attempt: number): Promise<AttemptOutcome> {
  const { workflow } = input.policy;
  if (workflow !== undefined) {
    const child = new CancellationScope();
    const policy = { ...input.policy, workflow };
    return untilCancelled(input, () => childAttempt(attemptOf(input, attempt), policy, child), child);
  }
  const options = attempting.ordinary(input.policy, attempt);
  return untilCancelled(input, () => proxyActivities<EventActivities>(options).attempt(attemptOf(input, attempt)));
}

function settle(input: EventInput): Promise<Step> {
  return CancellationScope.nonCancellable(() =>
    proxyActivities<EventActivities>(settling(input.policy)).settle(attemptOf(input, input.attempt)),
  );
}

/**
 * Shields an attempt from a cancel in Temporal: the ledger is asked first. An open attempt ends as its worker decides;
 * one that only waits for its time is given up. `child` is where an attempt runs that a workflow makes.
 */
async function untilCancelled<Result>(
  input: EventInput,
  work: () => Promise<Result>,
  child?: CancellationScope,
): Promise<Result> {
  const outer = CancellationScope.current();
  return CancellationScope.nonCancellable(async () => {
    const attempt = new CancellationScope();
    let over = false;
    const asked = outer.cancelRequested.catch(async (error) => {
      if (over) return new Promise<never>(() => {});
      // A callback runs in the scope that called for it, which is the cancelled one: measured.
      const answer = await CancellationScope.nonCancellable(() => requestCancel(input));
      if (answer.running) {
        // A worker that has the attempt hears it from the ledger; a child hears it here.
        child?.cancel();
        return new Promise<never>(() => {});
      }
      attempt.cancel();
      throw error;
    });
    try {
      return await Promise.race([attempt.run(work), asked]);
    } finally {
      over = true;
    }
  });
}

function requestCancel(input: EventInput) {
  return proxyLocalActivities<EventActivities>(asking).requestCancel(attemptOf(input, input.attempt));
}

async function settleCancelled(input: EventInput, cancellation: unknown): Promise<EventEnd> {
  const answer = await requestCancel(input);
  if (answer.ended || answer.stale) {
    if (answer.state === 'CANCELLED') show(input, answer.state);
    throw cancellation;
  }
  const step = await settle(input);
  if (step.outcome === 'cancelled') {
    show(input, 'CANCELLED');
    throw cancellation;
  }
  return end(input, step);
}

function end(input: EventInput, step: Step): EventEnd {
  switch (step.outcome) {
    case 'processed':
      return { state: 'PROCESSED' };
    case 'extinct':
      show(input, 'EXTINCT');
      // The text of the failure stays in the ledger (rule 21).
      throw ApplicationFailure.nonRetryable(
        `event ${input.id} is EXTINCT; its history is in the ledger`,
        FAILURE.extinct,
      );
    case 'cancelled':
      show(input, 'CANCELLED');
      // A run is cancelled in Temporal only when it was asked to there; anything else that it throws would fail it.
      if (CancellationScope.current().consideredCancelled)
        throw new CancelledFailure(`event ${input.id} was cancelled`);
      return { state: 'CANCELLED' };
    case 'ended':
      return { state: step.state };
    case 'retry':
      return { state: 'FAILED' };
    case 'released':
      return { state: 'QUEUED' };
    case 'missing':
      throw ApplicationFailure.nonRetryable(`event ${input.id} is not in this ledger`, FAILURE.refused);
    default:
      return { state: 'superseded' };
  }
}

function attemptOf(input: EventInput, attempt: number): AttemptInput {
  return { ledger: input.ledger, id: input.id, type: input.type, generation: input.generation, attempt };
}

function show(input: EventInput, state: string): void {
  if (input.searchAttributes) upsertSearchAttributes({ [SEARCH_ATTRIBUTE.state]: [state] });
}
