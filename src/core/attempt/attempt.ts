// One attempt of one event: begin, call the handler, write down what came of it. The only code that decides between
// another attempt, compensation and the end; workflows and batches carry its outcome on.

import { backoffMs } from '../backoff.ts';
import { HeldElsewhere, LedgerUnavailable } from '../errors.ts';
import type { EventType } from '../event-type.ts';
import type { BeginRequest, Begun } from '../ledger/begin.ts';
import { errorText, type Mark, marks } from '../ledger/mark.ts';
import { isLedgerLost } from '../ledger/pool.ts';
import { LANE } from '../ledger/queue.ts';
import { hidingSecrets } from '../secret-fields.ts';
import { processing, toldOfAttempt } from '../tracing/event-spans.ts';
import { inSpan } from '../tracing/index.ts';
import { admit } from './admit.ts';
import { UNCOUNTED_MAX_MS } from './clock.ts';
import type { AttemptDependencies } from './dependencies.ts';
import { callHandler, type Verdict } from './handler.ts';
import { isWritten, ledger, markInTransaction, persist, untilFree } from './persist.ts';
import { CommitUnanswered, LedgerTransaction } from './transaction.ts';
import { view } from './view.ts';

/** Between the longest that an attempt can take and the moment when somebody else looks after it. */
const DUE_BY_MARGIN_MS = 30_000;
/** A target may ask for a pause of at most this long. */
const RETRY_AFTER_MS_MAX = 24 * 3_600_000;

export type AttemptOutcome =
  | { outcome: 'processed' }
  /** The row had ended before this attempt, or a newer run has it. */
  | { outcome: 'ended'; state: string }
  | { outcome: 'stale' }
  | { outcome: 'missing' }
  /** Attempt number `attempt` failed and the next is due in `delayMs`; `left` when it waits in the queue for that. */
  | { outcome: 'retry'; delayMs: number; attempt: number; maxAttempts: number; left: boolean }
  /** Its end comes next, in a workflow of its own. */
  | { outcome: 'settle' }
  | { outcome: 'extinct' }
  | { outcome: 'cancelled' }
  /** Handed back to the queue. */
  | { outcome: 'released' };

export interface AttemptRequest {
  id: string;
  type: string;
  generation: number;
  attempt: number;
}

export interface AttemptMode {
  /** A batch's member leaves its run when it fails. */
  batch: boolean;
  /** Where somebody waits for signs of life: not in local activities. */
  heartbeat?: ((details?: unknown) => void) | undefined;
}

/** Begins and runs an attempt. Rejects with LedgerUnavailable when the ledger is away: then nothing counts. */
export function runAttempt(
  dependencies: AttemptDependencies,
  request: AttemptRequest,
  mode: AttemptMode,
): Promise<AttemptOutcome> {
  return dependencies.running.join(request.id, request.generation, async (controller) => {
    const type = typeOf(dependencies, request.type);
    const begin = () => dependencies.begin({ ...beginPolicy(type), ...request });
    const answer = await ledger(untilFree(begin, controller.signal));
    dependencies.waitingRuns.leave(request.id);
    switch (answer.disposition) {
      case 'run':
        return runBegun(dependencies, type, answer, controller, mode);
      case 'waiting':
        return {
          outcome: 'retry',
          delayMs: answer.delayMs,
          attempt: answer.attempt,
          maxAttempts: type.retry.maxAttempts,
          left: mode.batch,
        };
      case 'ended':
        return { outcome: 'ended', state: answer.state };
      case 'busy':
        throw new HeldElsewhere(request.id);
      default:
        return { outcome: answer.disposition === 'expired' ? 'extinct' : answer.disposition };
    }
  });
}

export function typeOf(dependencies: AttemptDependencies, name: string): EventType {
  const type = dependencies.types.get(name);
  if (!type) throw new Error(`this worker knows no event type ${name}`);
  return type;
}

/** What `begin` must know of a type's policy. */
export function beginPolicy(type: EventType): Pick<BeginRequest, 'maxAttempts' | 'dueByMs' | 'ttlMs'> {
  return { maxAttempts: type.retry.maxAttempts, dueByMs: dueByMs(type), ttlMs: type.ttlMs };
}

/** How long an attempt or a compensation may be open before it is looked after. */
export function dueByMs({ timeoutMs }: EventType): number {
  return timeoutMs + UNCOUNTED_MAX_MS + DUE_BY_MARGIN_MS;
}

/** Runs the handler of an attempt that has begun, and marks what came of it. */
export function runBegun(
  dependencies: AttemptDependencies,
  type: EventType,
  begun: Begun,
  controller: AbortController,
  mode: AttemptMode,
): Promise<AttemptOutcome> {
  const run = () => runHandler(dependencies, type, begun, controller, mode);
  return inSpan(processing(dependencies.tracing, begun), run, toldOfAttempt);
}

async function runHandler(
  dependencies: AttemptDependencies,
  type: EventType,
  begun: Begun,
  controller: AbortController,
  mode: AttemptMode,
): Promise<AttemptOutcome> {
  const log = dependencies.log.child({ event: begun.id, type: begun.type, attempt: begun.attempt });
  const admission = admit(dependencies.types, type, begun.payload);
  if ('refusal' in admission)
    return conclude(dependencies, type, begun, mode, { verdict: 'refused', error: admission.refusal });
  const tx = new LedgerTransaction(dependencies.handlersPool);
  const event = view(begun, type, admission.payload);
  const hide = hidingSecrets(type.payload, [admission.payload]);
  const verdict = await callHandler(dependencies, {
    attempts: [begun],
    tx,
    controller,
    timeoutMs: type.timeoutMs,
    log,
    hide,
    heartbeat: mode.heartbeat,
    invoke: (context) => type.handle(event, context),
  });
  if (verdict.verdict !== 'returned') {
    await tx.rollback();
    return conclude(dependencies, type, begun, mode, verdict);
  }
  const committed = await commitProcessed(dependencies, tx, [{ begun, result: verdict.result }], hide);
  if (committed !== 'committed')
    return committed === 'stale' ? { outcome: 'stale' } : conclude(dependencies, type, begun, mode, committed);
  log.info({ state: 'PROCESSED' }, 'event processed');
  return { outcome: 'processed' };
}

/** Marks events PROCESSED, in the handler's transaction when it opened one: all of them, or none. */
export async function commitProcessed(
  dependencies: AttemptDependencies,
  tx: LedgerTransaction,
  done: { begun: Begun; result: string | null }[],
  hide: (text: string) => string,
): Promise<'committed' | 'stale' | Verdict> {
  const group = done.map(({ begun, result }) => marks.processed(attemptOf(dependencies, begun), result));
  if (tx.endUnused()) {
    try {
      const written = await Promise.all(group.map((each) => persist(dependencies, each)));
      // Each mark stands for itself; of a set, what found no row belongs to a newer run.
      if (!written.some(Boolean)) return 'stale';
    } catch (error) {
      if (error instanceof LedgerUnavailable) throw error;
      // Postgres refuses the result itself, such as one nested too deeply.
      return failure(errorText(error, hide), true);
    }
  } else {
    try {
      if (!(await tx.commit((client) => markInTransaction(client, group)))) return 'stale';
    } catch (error) {
      if (error instanceof LedgerUnavailable) throw error;
      if (!(error instanceof CommitUnanswered)) return failure(errorText(error, hide), true);
      if (!isLedgerLost(error.cause)) return failure(errorText(error.cause, hide), true);
      // Nobody knows whether the COMMIT arrived: the rows do.
      const found = await Promise.all(group.map((each) => isWritten(dependencies.marksPool, each)));
      if (!found.every(Boolean))
        throw new LedgerUnavailable(`the ledger was lost at the commit: ${errorText(error.cause)}`, { cause: error });
    }
  }
  for (const { channel, payload } of tx.afterCommit) dependencies.notifier.send(channel, payload);
  return 'committed';
}

function failure(error: string, retryable: boolean): Verdict {
  return { verdict: 'failed', error, retryable, delayMs: undefined };
}

function attemptOf(dependencies: AttemptDependencies, begun: { id: string; epoch: number }) {
  return { id: begun.id, epoch: begun.epoch, actor: `worker ${dependencies.workerId}` };
}

/** Marks an attempt that didn't succeed. */
export async function conclude(
  dependencies: AttemptDependencies,
  type: EventType,
  begun: Begun,
  mode: Pick<AttemptMode, 'batch'>,
  verdict: Verdict,
): Promise<AttemptOutcome> {
  if (verdict.verdict === 'ledgerLost')
    throw new LedgerUnavailable(`the ledger was lost under the handler: ${verdict.error}`);
  const attempt = attemptOf(dependencies, begun);
  const refused = verdict.verdict === 'refused';
  // A payload that no handler had leaves nothing to compensate.
  const untouched = refused && !begun.begunBefore;
  const log = dependencies.log.child({ event: begun.id, type: type.name, attempt: begun.attempt });
  const write = async (intent: Mark, outcome: AttemptOutcome): Promise<AttemptOutcome> => {
    if (!(await persist(dependencies, intent))) return { outcome: 'stale' };
    if (outcome.outcome === 'extinct' || outcome.outcome === 'cancelled')
      log.info({ state: intent.to, error: intent.error }, `event ${outcome.outcome}`);
    return outcome;
  };
  const end = (to: 'EXTINCT' | 'CANCELLED', error: string, failed: boolean): Promise<AttemptOutcome> =>
    !untouched && (type.compensate || (mode.batch && to === 'EXTINCT'))
      ? write(marks.settle(attempt, error, failed, mode.batch), { outcome: 'settle' })
      : write(marks.end(attempt, to, error, failed), { outcome: to === 'EXTINCT' ? 'extinct' : 'cancelled' });

  if (verdict.verdict === 'aborted' && verdict.why === 'shutdown')
    return write(marks.release(attempt), { outcome: 'released' });
  if (verdict.verdict === 'crowdedOut') {
    log.info({ why: verdict.error }, 'attempt handed back: it found no place');
    const delayMs = Math.min(verdict.delayMs, RETRY_AFTER_MS_MAX);
    return write(marks.release(attempt, verdict.error, delayMs), { outcome: 'released' });
  }
  if (verdict.verdict === 'aborted' && verdict.why === 'cancel') return end('CANCELLED', verdict.error, false);
  const { error } = verdict as { error: string };
  const timedOut = verdict.verdict === 'aborted';
  const failed = verdict.verdict === 'failed' ? verdict : { retryable: !refused, delayMs: undefined };
  const text = timedOut ? `${error} after ${type.timeoutMs} ms` : error;
  log.debug({ error: text }, 'attempt failed');
  if (!failed.retryable || begun.attempt >= type.retry.maxAttempts) return end('EXTINCT', text, true);
  const delayMs =
    failed.delayMs === undefined ? backoffMs(type.retry, begun.attempt) : Math.min(failed.delayMs, RETRY_AFTER_MS_MAX);
  // In quarantine each attempt needs the relay's one place for it.
  const leaves = mode.batch || begun.lane === LANE.quarantine || !dependencies.waitingRuns.enter(begun.id, delayMs);
  return write(marks.retry(attempt, text, delayMs, leaves), {
    outcome: 'retry',
    delayMs,
    attempt: begun.attempt,
    maxAttempts: type.retry.maxAttempts,
    left: leaves,
  });
}
