// The end of an event: its type's compensation, and EXTINCT or CANCELLED in the same transaction. A compensation that
// fails is tried again under its own policy; when it gives up, the event ends all the same and says why.

import { backoffMs } from '../backoff.ts';
import { LedgerUnavailable } from '../errors.ts';
import type { CompensationContext, EventType } from '../event-type.ts';
import { errorText, mark, marks } from '../ledger/mark.ts';
import { beginSettling, noteCompensationError, type Settling } from '../ledger/settle.ts';
import { admit } from './admit.ts';
import { type AttemptOutcome, typeOf, view } from './attempt.ts';
import type { AttemptDependencies } from './dependencies.ts';
import { callHandler } from './handler.ts';
import { ledger } from './persist.ts';
import { LedgerTransaction } from './transaction.ts';

const DUE_BY_MARGIN_MS = 30_000;

export type SettleOutcome =
  | Extract<AttemptOutcome, { outcome: 'extinct' | 'cancelled' | 'ended' | 'stale' }>
  /** Nothing to settle: the event still has attempts. */
  | { outcome: 'alive' }
  | { outcome: 'again'; delayMs: number; error: string };

export interface SettleRequest {
  id: string;
  type: string;
  generation: number;
  /** 1 for the first try of this run. */
  tries: number;
}

/** Compensates and ends an event. `again` says when the next try is due. */
export async function settle(dependencies: AttemptDependencies, request: SettleRequest): Promise<SettleOutcome> {
  const type = typeOf(dependencies, request.type);
  const { workerId, marksPool } = dependencies;
  const dueByMs = type.timeoutMs + DUE_BY_MARGIN_MS;
  const { id, generation } = request;
  const { maxAttempts } = type.retry;
  const taken = await ledger(beginSettling(marksPool, { id, generation, workerId, maxAttempts, dueByMs }));
  if (taken.disposition === 'ended') return { outcome: 'ended', state: taken.state };
  if (taken.disposition !== 'settle') return { outcome: taken.disposition };

  const failed = await compensate(dependencies, type, taken);
  if (failed === undefined) return ended(taken);
  if (request.tries < type.compensationRetry.maxAttempts) {
    const delayMs = backoffMs(type.compensationRetry, request.tries);
    await ledger(
      noteCompensationError(marksPool, {
        id: taken.id,
        epoch: taken.epoch,
        error: failed,
        delayMs,
        overdueAfterMs: DUE_BY_MARGIN_MS,
      }),
    );
    return { outcome: 'again', delayMs, error: failed };
  }
  dependencies.log.error({ event: taken.id, type: type.name, error: failed }, 'compensation gave up');
  return (await ledger(dependencies.mark(finalMark(dependencies, taken, failed))))
    ? ended(taken)
    : { outcome: 'stale' };
}

function ended(taken: Settling): SettleOutcome {
  return { outcome: taken.to === 'EXTINCT' ? 'extinct' : 'cancelled' };
}

function finalMark(dependencies: AttemptDependencies, taken: Settling, compensationError: string | null) {
  const attempt = { id: taken.id, epoch: taken.epoch, actor: `worker ${dependencies.workerId}` };
  return marks.settled(attempt, taken.to, compensationError);
}

/** Why the compensation failed, or undefined when it and the final mark are committed. */
async function compensate(
  dependencies: AttemptDependencies,
  type: EventType,
  taken: Settling,
): Promise<string | undefined> {
  const tx = new LedgerTransaction(dependencies.handlersPool);
  const admission = admit(dependencies.types, type, taken.payload);
  if (type.compensate && taken.begun && 'payload' in admission) {
    const log = dependencies.log.child({ event: taken.id, type: type.name, compensating: true });
    const event = view({ ...taken, disposition: 'run' }, type, admission.payload);
    const error = { message: taken.lastError ?? 'the event was cancelled' };
    const controller = new AbortController();
    const leave = dependencies.running.enter(taken.id, controller);
    const verdict = await callHandler(dependencies, {
      id: taken.id,
      tx,
      controller,
      timeoutMs: type.timeoutMs,
      log,
      heartbeat: () => {},
      invoke: (context) => type.compensate?.(event, { ...context, error } as CompensationContext),
    }).finally(leave);
    if (verdict.verdict === 'ledgerLost') throw new LedgerUnavailable('the ledger was lost under the compensation');
    if (verdict.verdict !== 'returned') {
      await tx.rollback();
      return verdict.error;
    }
  }
  const intent = finalMark(dependencies, taken, null);
  if (tx.endUnused()) {
    await ledger(dependencies.mark(intent));
    return undefined;
  }
  try {
    await tx.commit(async (client) => (await mark(client, [intent]))[0] === true);
    for (const { channel, payload } of tx.afterCommit) dependencies.notifier.send(channel, payload);
    return undefined;
  } catch (error) {
    // Unanswered or refused: the next try begins with a look at the row.
    if (error instanceof LedgerUnavailable) throw error;
    return errorText(error instanceof Error && error.cause ? error.cause : error);
  }
}
