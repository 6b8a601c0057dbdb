// An attempt passes the flows of its event before it begins. One that finds no place in time goes back to the queue as if
// nobody had claimed it, and the relay claims it again when its flow has room.

import { giveBack } from '../ledger/claim.ts';
import type { AttemptOutcome } from './attempt.ts';
import type { BatchMember, BatchOutcome } from './batch.ts';
import type { AttemptDependencies } from './dependencies.ts';
import { ledger } from './persist.ts';

/**
 * Runs an attempt once its flows let it begin; `released` when it went back to the queue. It has its place in flight until
 * `run` is over; `goesOn`: beyond that, as a workflow, which is counted in the ledger from its beginning to its end.
 */
export function enterAttempt<Outcome>(
  dependencies: AttemptDependencies,
  request: { id: string; generation: number; type: string },
  run: () => Promise<Outcome>,
  goesOn = false,
): Promise<Outcome | { outcome: 'released' }> {
  const { admission, marksPool, running } = dependencies;
  if (!admission?.limits(request.type)) {
    const leave = admission?.enterFreely(request.id, request.type);
    return run().finally(() => leave?.(goesOn));
  }
  return running.join(`entry of ${request.id}`, request.generation, async () => {
    const leave = await ledger(admission.enter(request.id, request.type));
    // What must go on, such as to its end, does so.
    if (!leave && (await ledger(giveBack(marksPool, request, 0)))) return { outcome: 'released' };
    try {
      return await run();
    } finally {
      leave?.(goesOn);
    }
  });
}

/** The same for a batch: members that may begin in the same moment run together. */
export function enterBatch(
  dependencies: AttemptDependencies,
  type: string,
  members: readonly BatchMember[],
  run: (members: readonly BatchMember[]) => Promise<BatchOutcome>,
): Promise<BatchOutcome> {
  const { admission, marksPool, running } = dependencies;
  const [first] = members;
  if (!first || !admission?.limits(type)) return run(members);
  return running.join(`entry of a batch of ${first.id}`, first.generation, async () => {
    const total: BatchOutcome = {};
    const runs: Promise<BatchOutcome>[] = [];
    let together: { member: BatchMember; leave: () => void }[] = [];
    const runTogether = (): void => {
      const group = together;
      together = [];
      const done = run(group.map(({ member }) => member)).finally(() => {
        for (const { leave } of group) leave();
      });
      // Awaited when all have entered.
      done.catch(() => {});
      runs.push(done);
    };
    await Promise.all(
      members.map(async (member) => {
        const leave = await ledger(admission.enter(member.id, type));
        if (!leave && (await ledger(giveBack(marksPool, member, 0)))) {
          total.released = (total.released ?? 0) + 1;
          return;
        }
        if (together.length === 0) setImmediate(runTogether);
        together.push({ member, leave: leave ?? (() => {}) });
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    for (const counts of await Promise.all(runs))
      for (const [outcome, count] of Object.entries(counts) as [AttemptOutcome['outcome'], number][])
        total[outcome] = (total[outcome] ?? 0) + count;
    return total;
  });
}
