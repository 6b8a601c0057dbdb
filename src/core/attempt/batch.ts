// Many events of one type in one run: begun in one statement, handled side by side or all in one transaction, each with
// its own mark, limit and outcome. A member that fails leaves; no member waits for another's mark.

import { RowLocked } from '../errors.ts';
import type { EventType } from '../event-type.ts';
import type { BeginAnswer, Begun } from '../ledger/begin.ts';
import { freeForOwnRun } from '../ledger/free.ts';
import { openAmong } from '../ledger/mark.ts';
import { hidingSecrets } from '../secret-fields.ts';
import { processingTogether } from '../tracing/event-spans.ts';
import { inSpan } from '../tracing/index.ts';
import { admit } from './admit.ts';
import {
  type AttemptMode,
  type AttemptOutcome,
  beginPolicy,
  commitProcessed,
  conclude,
  runBegun,
  typeOf,
} from './attempt.ts';
import type { AttemptDependencies } from './dependencies.ts';
import { callHandler } from './handler.ts';
import { ledger, untilFree } from './persist.ts';
import { LedgerTransaction } from './transaction.ts';
import { view } from './view.ts';

/** When a member that another worker has open is looked at again. */
const HELD_DELAY_MS = 1_000;

export interface BatchMember {
  id: string;
  generation: number;
  attempt: number;
}

/** What became of a batch, counted by outcome. */
export type BatchOutcome = Partial<Record<AttemptOutcome['outcome'], number>>;

/**
 * Runs a batch; a second run of it in the same process joins the first. Members that an earlier run of the same batch has
 * marked are skipped by `begin`.
 */
export async function runBatch(
  dependencies: AttemptDependencies,
  typeName: string,
  members: readonly BatchMember[],
): Promise<BatchOutcome> {
  const [first] = members;
  if (!first) return {};
  // A claim gives a generation to one run only, so the first member names the batch.
  return dependencies.running.join(`batch of ${first.id}`, first.generation, () =>
    runMembers(dependencies, typeName, members),
  );
}

/** Members whose row somebody holds come last, each alone: the others wait neither for the row nor for them. */
async function runMembers(
  dependencies: AttemptDependencies,
  typeName: string,
  members: readonly BatchMember[],
  begin: AttemptDependencies['begin'] = dependencies.begin,
): Promise<BatchOutcome> {
  const type = typeOf(dependencies, typeName);
  const answers = await ledger(
    Promise.all(
      members.map((each): BeginAnswer | Promise<BeginAnswer | RowLocked> =>
        // An older run's attempt, which was taken from this process.
        dependencies.running.has(each.id)
          ? { disposition: 'busy' }
          : begin({ ...beginPolicy(type), ...each }).catch(passedOver),
      ),
    ),
  );
  const of = (...dispositions: string[]) =>
    members.filter((_, index) => dispositions.includes((answers[index] as BeginAnswer).disposition));
  // Their end comes in a run of their own; so does what somebody else has open, or what waits for its time.
  const ofOwn = of('settle', 'waiting');
  if (ofOwn.length > 0) await ledger(freeForOwnRun(dependencies.marksPool, ofOwn));
  const held = of('busy');
  if (held.length > 0) await ledger(freeForOwnRun(dependencies.marksPool, held, HELD_DELAY_MS));
  const locked = members.filter((_, index) => answers[index] instanceof RowLocked);
  const begun = answers.filter((answer): answer is Begun => !(answer instanceof Error) && answer.disposition === 'run');
  const patiently: AttemptDependencies['begin'] = (request) => ledger(untilFree(() => dependencies.begin(request)));
  return inAll([
    runBegunMembers(dependencies, type, begun),
    ...locked.map((each) => runMembers(dependencies, typeName, [each], patiently)),
  ]);
}

function passedOver(error: unknown): RowLocked {
  if (error instanceof RowLocked) return error;
  throw error;
}

/** The outcomes added up, when all have come. Rejects when one is missing: the batch runs again and skips what is marked. */
async function inAll(parts: Promise<BatchOutcome>[]): Promise<BatchOutcome> {
  const settled = await Promise.allSettled(parts);
  const sum: BatchOutcome = {};
  for (const each of settled) {
    if (each.status === 'rejected') throw each.reason;
    for (const [outcome, count] of Object.entries(each.value) as [keyof BatchOutcome, number][])
      sum[outcome] = (sum[outcome] ?? 0) + count;
  }
  return sum;
}

async function runBegunMembers(
  dependencies: AttemptDependencies,
  type: EventType,
  begun: Begun[],
): Promise<BatchOutcome> {
  const together = await handledTogether(dependencies, type, begun);
  if (together === 'processed' || together === 'released') return { [together]: begun.length };
  // What somebody else has taken meanwhile is not handled again.
  const left = together === 'apart' ? await ledger(openAmong(dependencies.marksPool, begun)) : begun;
  const stale = begun.length - left.length;
  const run = async (member: Begun): Promise<BatchOutcome> => ({
    [(await runMember(dependencies, type, member, { batch: true })).outcome]: 1,
  });
  return inAll([...left.map(run), ...(stale > 0 ? [Promise.resolve({ stale })] : [])]);
}

async function runMember(
  dependencies: AttemptDependencies,
  type: EventType,
  begun: Begun,
  mode: AttemptMode,
): Promise<AttemptOutcome> {
  const controller = new AbortController();
  const leave = dependencies.running.enter(begun.id, controller);
  try {
    await dependencies.pace();
    return await runBegun(dependencies, type, begun, controller, mode);
  } finally {
    leave();
  }
}

/**
 * `processed` when the type's `handleAll` took them all and every mark is committed with its work, `apart` when it was
 * called in vain and its events are to be taken one by one.
 */
async function handledTogether(dependencies: AttemptDependencies, type: EventType, begun: Begun[]): Promise<Together> {
  const { handleAll } = type;
  if (!handleAll || begun.length < 2) return 'not called';
  const span = processingTogether(dependencies.tracing, type.name, begun);
  return inSpan(
    span,
    () => handleTogether(dependencies, { ...type, handleAll }, begun),
    (outcome) => ({ attributes: { 'tem.event.outcome': outcome } }),
  );
}

type Together = 'processed' | 'released' | 'apart' | 'not called';

async function handleTogether(
  dependencies: AttemptDependencies,
  type: EventType & Required<Pick<EventType, 'handleAll'>>,
  begun: Begun[],
): Promise<Together> {
  const admissions = begun.map((each) => admit(dependencies.types, type, each.payload));
  if (admissions.some((each) => 'refusal' in each)) return 'not called';
  const payloads = admissions.map((each) => (each as { payload: unknown }).payload);
  const events = begun.map((each, index) => view(each, type, payloads[index]));
  const hide = hidingSecrets(type.payload, payloads);
  const tx = new LedgerTransaction(dependencies.handlersPool);
  const controller = new AbortController();
  // A cancel of one member takes the set apart, and then finds that member alone.
  const leaves = begun.map(({ id }) => dependencies.running.enter(id, controller));
  const log = dependencies.log.child({ batch: begun.length, type: type.name });
  try {
    const verdict = await callHandler(dependencies, {
      attempts: begun,
      tx,
      controller,
      timeoutMs: type.timeoutMs,
      log,
      hide,
      invoke: (context) => type.handleAll(events, context),
    });
    if (verdict.verdict !== 'returned') {
      await tx.rollback();
      // Handed back by a stopping worker; anything else is found out member by member.
      if (verdict.verdict === 'aborted' && verdict.why === 'shutdown') {
        await Promise.all(begun.map((each) => conclude(dependencies, type, each, { batch: true }, verdict)));
        return 'released';
      }
      if (verdict.verdict === 'failed')
        log.debug({ error: verdict.error }, 'handleAll failed, taking its events one by one');
      return 'apart';
    }
    const committed = await commitProcessed(
      dependencies,
      tx,
      begun.map((each) => ({ begun: each, result: null })),
      hide,
    );
    if (committed !== 'committed') return 'apart';
    log.debug({ events: begun.map(({ id }) => id) }, 'batch processed');
    return 'processed';
  } finally {
    for (const leave of leaves) leave();
  }
}
