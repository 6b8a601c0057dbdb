// The end of an event: its type's compensation, and EXTINCT or CANCELLED in the same transaction. A compensation that
// fails is tried again under its own policy; when it gives up, the event ends all the same and says why.

import { backoffMs } from '../backoff.ts';
import { HeldElsewhere, LedgerUnavailable } from '../errors.ts';
import type { CompensationContext, EventType } from '../event-type.ts';
import { errorText, marks } from '../ledger/mark.ts';
import { beginSettling, noteUncompensated, type Settling } from '../ledger/settle.ts';
import { hidingSecrets } from '../secret-fields.ts';
import { compensating } from '../tracing/event-spans.ts';
import { inSpan } from '../tracing/index.ts';
import { admit } from './admit.ts';
import { type AttemptOutcome, dueByMs, typeOf } from './attempt.ts';
import type { AttemptDependencies } from './dependencies.ts';
import { callHandler, type Verdict } from './handler.ts';
import { ledger, markInTransaction, persist, untilFree } from './persist.ts';
import { LedgerTransaction } from './transaction.ts';
import { view } from './view.ts';

/** After its time, when a compensation that nobody takes up is looked after. */
const OVERDUE_AFTER_MS = 30_000;
export const COMPENSATION_POISON_ERROR = 'the compensation killed its worker again and again';

export type SettleOutcome =
  | Extract<AttemptOutcome, { outcome: 'extinct' | 'cancelled' | 'ended' | 'stale' }>
  /** Nothing to settle: the event still has attempts. */
  | { outcome: 'alive' }
  | { outcome: 'again'; delayMs: number; error: string };

export interface SettleRequest {
  id: string;
  type: string;
  generation: number;
}

/** A try to compensate that failed, or that a stopping worker hands back. */
type Uncompensated = { failed: string; handedBack: boolean };

/** Compensates and ends an event. `again` says when the next try is due. A second call joins the first. */
export function settle(dependencies: AttemptDependencies, request: SettleRequest): Promise<SettleOutcome> {
  // Not under the event's id: the cancel that it follows from is not its own.
  return dependencies.running.join(`settling ${request.id}`, request.generation, (controller) =>
    settleNow(dependencies, request, controller),
  );
}

async function settleNow(
  dependencies: AttemptDependencies,
  request: SettleRequest,
  controller: AbortController,
): Promise<SettleOutcome> {
  const type = typeOf(dependencies, request.type);
  const { workerId, marksPool } = dependencies;
  const { id, generation } = request;
  const { maxAttempts } = type.retry;
  const compensates = type.compensate !== undefined;
  const taken = await ledger(
    untilFree(
      () =>
        beginSettling(
          marksPool,
          { id, generation, workerId, maxAttempts, dueByMs: dueByMs(type), compensates },
          dependencies.mayJudge(),
        ),
      controller.signal,
    ),
  );
  dependencies.waitingRuns.leave(id);
  if (taken.disposition === 'ended') return { outcome: 'ended', state: taken.state };
  if (taken.disposition === 'busy') throw new HeldElsewhere(id);
  if (taken.disposition !== 'settle') return { outcome: taken.disposition };
  if (taken.poisoned) return giveUp(dependencies, taken, COMPENSATION_POISON_ERROR);

  const outcome = await compensate(dependencies, type, taken, controller);
  if ('outcome' in outcome) return outcome;
  const { failed, handedBack } = outcome;
  const tries = taken.tries + 1;
  if (!handedBack && tries >= type.compensationRetry.maxAttempts) return giveUp(dependencies, taken, failed);
  const delayMs = handedBack ? 0 : backoffMs(type.compensationRetry, tries);
  const error = handedBack ? null : failed;
  const { epoch } = taken;
  const leaves = error !== null && !dependencies.waitingRuns.enter(id, delayMs);
  const note = { id, epoch, error, leaves, delayMs, overdueAfterMs: OVERDUE_AFTER_MS };
  const noted = await ledger(untilFree(() => noteUncompensated(marksPool, note)));
  // What has left waits in the queue for another run.
  return noted === 'kept' ? { outcome: 'again', delayMs, error: failed } : { outcome: 'stale' };
}

async function giveUp(dependencies: AttemptDependencies, taken: Settling, error: string): Promise<SettleOutcome> {
  dependencies.log.error({ event: taken.id, type: taken.type, error }, 'compensation gave up');
  return ended(dependencies, taken, await persist(dependencies, finalMark(dependencies, taken, error)));
}

function ended(dependencies: AttemptDependencies, taken: Settling, written: boolean): SettleOutcome {
  if (!written) return { outcome: 'stale' };
  const outcome = taken.to === 'EXTINCT' ? 'extinct' : 'cancelled';
  const { id: event, type, lastError: error } = taken;
  dependencies.log.info({ event, type, state: taken.to, error }, `event ${outcome}`);
  return { outcome };
}

function finalMark(dependencies: AttemptDependencies, taken: Settling, compensationError: string | null) {
  const attempt = { id: taken.id, epoch: taken.epoch, actor: `worker ${dependencies.workerId}` };
  return marks.settled(attempt, taken.to, compensationError);
}

/** Why the compensation failed, or what came of it when it and the final mark were written. */
async function compensate(
  dependencies: AttemptDependencies,
  type: EventType,
  taken: Settling,
  controller: AbortController,
): Promise<Uncompensated | SettleOutcome> {
  const tx = new LedgerTransaction(dependencies.handlersPool);
  let hide = hidingSecrets(type.payload, [taken.payload]);
  if (type.compensate && taken.begun) {
    const admission = admit(dependencies.types, type, taken.payload);
    // Older code took it: a release that takes it again can still compensate.
    if ('refusal' in admission) return { failed: admission.refusal, handedBack: false };
    hide = hidingSecrets(type.payload, [admission.payload]);
    const log = dependencies.log.child({ event: taken.id, type: type.name, compensating: true });
    const event = view({ ...taken, lane: 0 }, type, admission.payload);
    const error = { message: taken.lastError ?? 'the event was cancelled' };
    const call = (): Promise<Verdict> =>
      callHandler(dependencies, {
        attempts: [taken],
        tx,
        controller,
        timeoutMs: type.timeoutMs,
        log,
        hide,
        invoke: (context) => type.compensate?.(event, { ...context, error } as CompensationContext),
      });
    const verdict = await inSpan(compensating(dependencies.tracing, taken), call, ({ verdict: came }) => ({
      errorType: came === 'returned' ? undefined : came,
    }));
    if (verdict.verdict !== 'returned') {
      await tx.rollback();
      if (verdict.verdict === 'ledgerLost')
        throw new LedgerUnavailable(`the ledger was lost under the compensation: ${verdict.error}`);
      const handedBack =
        verdict.verdict === 'crowdedOut' || (verdict.verdict === 'aborted' && verdict.why === 'shutdown');
      return { failed: verdict.error, handedBack };
    }
  }
  const intent = finalMark(dependencies, taken, null);
  if (tx.endUnused()) {
    return ended(dependencies, taken, await persist(dependencies, intent));
  }
  try {
    const written = await tx.commit((client) => markInTransaction(client, [intent]));
    if (written) for (const { channel, payload } of tx.afterCommit) dependencies.notifier.send(channel, payload);
    return ended(dependencies, taken, written);
  } catch (error) {
    // Unanswered or refused: the next try begins with a look at the row.
    if (error instanceof LedgerUnavailable) throw error;
    return { failed: errorText(error instanceof Error && error.cause ? error.cause : error, hide), handedBack: false };
  }
}
