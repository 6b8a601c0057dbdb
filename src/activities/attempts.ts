// Attempts as activities: heartbeats, and outcomes put into Temporal's words so that its Web UI shows the attempt, the
// failure's code and the next try. Failures carry the event's id; their text stays in the ledger (rule 21).

import { Context } from '@temporalio/activity';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import { type AttemptOutcome, runAttempt } from '../core/attempt/attempt.ts';
import { runBatch } from '../core/attempt/batch.ts';
import type { AttemptDependencies } from '../core/attempt/dependencies.ts';
import { enterAttempt, enterBatch } from '../core/attempt/entering.ts';
import { ledger } from '../core/attempt/persist.ts';
import { settle } from '../core/attempt/settle.ts';
import { beginRun, endRun } from '../core/attempt/workflow-run.ts';
import { HeldElsewhere, LedgerUnavailable } from '../core/errors.ts';
import { WHICHEVER_IS_NEXT } from '../core/ledger/begin.ts';
import { giveBack } from '../core/ledger/claim.ts';
import { errorText } from '../core/ledger/mark.ts';
import { type AttemptInput, type EventActivities, type EventBatchInput, FAILURE } from '../workflows/contract.ts';
import { createShares } from './shares.ts';

const HEARTBEAT_EVERY_MS = 3_000;
/** A long type's next run comes here again, and finds its share taken for as long as those attempts last. */
const LONG_SHARE_TAKEN_DELAY_MS = 5_000;
// In an outage everything that runs says the same.
const OUTAGE_WARNING_EVERY_MS = 1_000;
// A failure with a delay of 0 is not retried at all: measured.
const NEXT_RETRY_DELAY_MS_MIN = 1;

export interface AttemptActivityDependencies {
  ledgerId: string;
  attempts: AttemptDependencies;
  /** Places for ordinary attempts, of which a type gets its share; further ones go back to the queue. */
  ordinaryMax: number;
  /** Tells the relay that a run no longer holds its slot; `goesOn` when more of it follows at once. */
  runDone(workflowId: string, goesOn?: boolean): void;
}

export type AttemptActivities = Pick<
  EventActivities,
  'firstAttempt' | 'attempt' | 'beginRun' | 'endRun' | 'runBatch' | 'settle'
>;

export function createAttemptActivities(dependencies: AttemptActivityDependencies): AttemptActivities {
  const { attempts } = dependencies;
  const warnOfOutage = atMostEvery(OUTAGE_WARNING_EVERY_MS, attempts.log);
  const shares = createShares(dependencies.ordinaryMax);

  const ownLedger = (input: { ledger: string }): void => {
    if (input.ledger === dependencies.ledgerId) return;
    throw ApplicationFailure.create({
      type: 'DifferentLedger',
      message: `this worker's database is ledger ${dependencies.ledgerId}, the event is in ledger ${input.ledger}: API and worker use different databases`,
    });
  };

  const guarded =
    <Input extends AttemptInput | EventBatchInput, Result>(activity: (input: Input) => Promise<Result>) =>
    (input: Input): Promise<Result> =>
      activity(input).catch((error: unknown) => {
        throw withoutText(error, input, attempts.log, warnOfOutage);
      });

  const activities: AttemptActivities = {
    async firstAttempt(input) {
      ownLedger(input);
      let goesOn = true;
      try {
        const outcome = await enterAttempt(attempts, input, () => runAttempt(attempts, input, { batch: false }));
        goesOn = outcome.outcome === 'settle' && attempts.types.get(input.type)?.compensate !== undefined;
        // Nothing to compensate: the end needs no activity of its own.
        if (outcome.outcome !== 'settle' || goesOn) return outcome;
        return (await settle(attempts, input)) as AttemptOutcome;
      } finally {
        dependencies.runDone(Context.current().info.workflowExecution?.workflowId ?? '', goesOn);
      }
    },

    async attempt(input) {
      ownLedger(input);
      const leave = shares.take(input.type);
      // The relay takes it from there, in a batch if need be.
      const delayMs = attempts.types.get(input.type)?.long ? LONG_SHARE_TAKEN_DELAY_MS : 0;
      if (!leave && (await ledger(giveBack(attempts.marksPool, input, delayMs)))) {
        dependencies.runDone(Context.current().info.workflowExecution?.workflowId ?? '');
        return { outcome: 'released' };
      }
      // Temporal repeats the activity with the input of its first try; which attempt it is, the ledger knows.
      const request = { ...input, attempt: WHICHEVER_IS_NEXT };
      const running = withHeartbeats((heartbeat) =>
        enterAttempt(attempts, input, () => runAttempt(attempts, request, { batch: false, heartbeat })),
      );
      const outcome = await running.finally(leave);
      const goesOn = outcome.outcome === 'settle';
      dependencies.runDone(Context.current().info.workflowExecution?.workflowId ?? '', goesOn);
      if (outcome.outcome === 'retry' && !outcome.left) throw nextAttempt(input, outcome);
      return outcome;
    },

    async beginRun(input) {
      ownLedger(input);
      try {
        return await enterAttempt(attempts, input, () => beginRun(attempts, input), true);
      } finally {
        // The workflow waits in Temporal, and holds no slot.
        dependencies.runDone(Context.current().info.workflowExecution?.workflowId ?? '');
      }
    },

    async endRun({ fence, ended, ...input }) {
      ownLedger(input);
      return endRun(attempts, input, fence, ended);
    },

    async runBatch(input) {
      ownLedger(input);
      try {
        return await enterBatch(attempts, input.type, input.members, (members) =>
          runBatch(attempts, input.type, members),
        );
      } finally {
        dependencies.runDone(Context.current().info.workflowExecution?.workflowId ?? '');
      }
    },

    async settle(input) {
      ownLedger(input);
      const outcome = await withHeartbeats(() => settle(attempts, input));
      dependencies.runDone(Context.current().info.workflowExecution?.workflowId ?? '');
      if (outcome.outcome !== 'again') return outcome;
      throw ApplicationFailure.create({
        type: FAILURE.compensationFailed,
        message: `compensation of event ${input.id} failed and is tried again; its error is in the ledger`,
        nextRetryDelay: Math.max(outcome.delayMs, NEXT_RETRY_DELAY_MS_MIN),
      });
    },
  };
  return {
    firstAttempt: guarded(activities.firstAttempt),
    attempt: guarded(activities.attempt),
    beginRun: guarded(activities.beginRun),
    endRun: guarded(activities.endRun),
    runBatch: guarded(activities.runBatch),
    settle: guarded(activities.settle),
  };
}

/**
 * A failure as Temporal may keep it: what a handler threw when the ledger was lost under it, and whatever caused
 * anything else, stays here.
 */
function withoutText(
  error: unknown,
  input: AttemptInput | EventBatchInput,
  log: Logger,
  warnOfOutage: ReturnType<typeof atMostEvery>,
): unknown {
  if (error instanceof TemporalFailure) return error;
  const what = 'members' in input ? `a batch of ${input.members.length} events` : `event ${input.id}`;
  if (error instanceof LedgerUnavailable) {
    warnOfOutage({ type: input.type, error: errorText(error) }, `the ledger is away: ${what} goes on when it is back`);
    return ApplicationFailure.create({
      type: error.name,
      message: `the ledger is away: ${what} goes on when it is back`,
    });
  }
  if (error instanceof HeldElsewhere) return ApplicationFailure.create({ type: error.name, message: error.message });
  log.error({ type: input.type, error: errorText(error) }, `an activity of ${what} failed, trying again`);
  return ApplicationFailure.create({
    type: FAILURE.unexpected,
    message: `unexpected failure of ${what}; its text is in the worker's log`,
  });
}

/** Warns at most once in `everyMs`; the rest is for who debugs. */
function atMostEvery(everyMs: number, log: Logger): (details: object, message: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (details, message) => {
    const warns = performance.now() - lastMs >= everyMs;
    if (warns) lastMs = performance.now();
    log[warns ? 'warn' : 'debug'](details, message);
  };
}

function nextAttempt(input: AttemptInput, outcome: Extract<AttemptOutcome, { outcome: 'retry' }>): ApplicationFailure {
  return ApplicationFailure.create({
    type: FAILURE.attemptFailed,
    message: `attempt ${outcome.attempt} of ${outcome.maxAttempts} of event ${input.id} failed; its error is in the ledger`,
    nextRetryDelay: Math.max(outcome.delayMs, NEXT_RETRY_DELAY_MS_MIN),
  });
}

// A dead worker is noticed by its missing heartbeats; handlers needn't send any.
async function withHeartbeats<Result>(
  work: (heartbeat: (details?: unknown) => void) => Promise<Result>,
): Promise<Result> {
  const context = Context.current();
  let last: unknown;
  const heartbeat = (details?: unknown): void => {
    last = details;
    context.heartbeat(details);
  };
  const timer = setInterval(() => context.heartbeat(last), HEARTBEAT_EVERY_MS);
  try {
    return await work(heartbeat);
  } finally {
    clearInterval(timer);
  }
}
