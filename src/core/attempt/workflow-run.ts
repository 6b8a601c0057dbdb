// An attempt that a workflow makes: begun and concluded in the ledger like every other, by whichever worker is asked. No
// worker has it in between, so that none's death ends it; the run in Temporal does (rule 7).

import { cancelFromRun } from '../ledger/cancel.ts';
import { errorText } from '../ledger/mark.ts';
import { processing, toldOfAttempt } from '../tracing/event-spans.ts';
import { inSpan } from '../tracing/index.ts';
import { admit } from './admit.ts';
import { type AttemptOutcome, type AttemptRequest, beginPolicy, commitProcessed, conclude, typeOf } from './attempt.ts';
import type { AttemptDependencies } from './dependencies.ts';
import { serialise, type Verdict } from './handler.ts';
import { ledger } from './persist.ts';
import { LedgerTransaction } from './transaction.ts';

/** A run is looked for in Temporal when nobody has looked for so long. */
export const RUN_DUE_BY_MS = 60_000;

/** What the run must know of the attempt that it makes. */
export interface RunFence {
  epoch: number;
  attempt: number;
  begunBefore: boolean;
  lane: number;
  /** For its span; absent in a run that an older release began. */
  traceContext?: string | null;
  beganAtMs?: number;
}

export type RunBegin = { outcome: 'run'; fence: RunFence } | AttemptOutcome;

/** How the workflow ended. */
export type RunEnd =
  | { end: 'returned'; result: unknown }
  | { end: 'failed'; error: string; retryable: boolean }
  | { end: 'timedOut' }
  /** By a person, through TEM or in Temporal. */
  | { end: 'cancelled' };

export async function beginRun(dependencies: AttemptDependencies, request: AttemptRequest): Promise<RunBegin> {
  const type = typeOf(dependencies, request.type);
  const policy = { ...beginPolicy(type), dueByMs: RUN_DUE_BY_MS, ownerless: true };
  const answer = await ledger(dependencies.begin({ ...policy, ...request }));
  switch (answer.disposition) {
    case 'run': {
      const admission = admit(dependencies.types, type, answer.payload);
      if ('refusal' in admission)
        return conclude(dependencies, type, answer, ONE_RUN, { verdict: 'refused', error: admission.refusal });
      const { epoch, attempt, begunBefore, lane, traceContext } = answer;
      return { outcome: 'run', fence: { epoch, attempt, begunBefore, lane, traceContext, beganAtMs: Date.now() } };
    }
    case 'waiting': {
      const { delayMs, attempt } = answer;
      return { outcome: 'retry', delayMs, attempt, maxAttempts: type.retry.maxAttempts, left: false };
    }
    case 'ended':
      return { outcome: 'ended', state: answer.state };
    case 'busy':
      throw new Error(`event ${request.id} is held by a worker, although a workflow makes its attempts`);
    default:
      return { outcome: answer.disposition === 'expired' ? 'extinct' : answer.disposition };
  }
}

/** Marks what came of the workflow; a repeat finds the mark written. Its span is made when it is over. */
export async function endRun(
  dependencies: AttemptDependencies,
  request: AttemptRequest,
  fence: RunFence,
  ended: RunEnd,
): Promise<AttemptOutcome> {
  const { attempt, traceContext = null, beganAtMs } = fence;
  const span = processing(dependencies.tracing, { ...request, attempt, traceContext }, beganAtMs);
  return inSpan(span, () => writeEnd(dependencies, request, fence, ended), toldOfAttempt);
}

async function writeEnd(
  dependencies: AttemptDependencies,
  request: AttemptRequest,
  fence: RunFence,
  ended: RunEnd,
): Promise<AttemptOutcome> {
  const type = typeOf(dependencies, request.type);
  const begun = { disposition: 'run', id: request.id, type: request.type, ...fence } as Parameters<typeof conclude>[2];
  // Whoever ends a child in Temporal has not asked the ledger, which decides how the event ends (rule 5).
  if (ended.end === 'cancelled') await ledger(cancelFromRun(dependencies.marksPool, request.id, request.generation));
  const verdict = verdictOf(ended);
  if (verdict.verdict !== 'returned') return conclude(dependencies, type, begun, ONE_RUN, verdict);
  const tx = new LedgerTransaction(dependencies.handlersPool);
  const committed = await commitProcessed(dependencies, tx, [{ begun, result: verdict.result }], (text) => text);
  if (committed === 'committed') return { outcome: 'processed' };
  return committed === 'stale' ? { outcome: 'stale' } : conclude(dependencies, type, begun, ONE_RUN, committed);
}

const ONE_RUN = { batch: false };

function verdictOf(ended: RunEnd): Verdict {
  switch (ended.end) {
    case 'returned':
      return serialise(ended.result, (text) => text);
    case 'failed':
      return {
        verdict: 'failed',
        error: errorText(new Error(ended.error)),
        retryable: ended.retryable,
        delayMs: undefined,
      };
    case 'timedOut':
      return { verdict: 'aborted', why: 'timeout', error: 'the workflow timed out' };
    case 'cancelled':
      return { verdict: 'aborted', why: 'cancel', error: 'the event was cancelled' };
  }
}
