// The steps of a random history: each runs a real ledger function with tokens that may be old, does the same to the
// model, and compares what was answered and what is in the row.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'vitest';
import { cancelEvent, cancelFromRun } from '../../../src/core/ledger/cancel.ts';
import { adopt, claim, unclaim } from '../../../src/core/ledger/claim.ts';
import type { Position } from '../../../src/core/ledger/discover.ts';
import { free, freeAllRuns, freeDeadWorkers } from '../../../src/core/ledger/free.ts';
import { endUnknownTypes, refuseQueued } from '../../../src/core/ledger/refuse.ts';
import { retryEvent } from '../../../src/core/ledger/retry.ts';
import { noteUncompensated } from '../../../src/core/ledger/settle.ts';
import {
  beginSettlingStep,
  beginStep,
  beginTogetherStep,
  LATER_MS,
  MAX_ATTEMPTS,
  markStep,
  settledStep,
} from './history-attempts.ts';
import type { Model } from './history-model.ts';
import * as says from './history-model.ts';
import { type Outcome, uncompensated } from './history-model-attempts.ts';
import { type Real, type Step, step } from './history-step.ts';

const LEASE_MS = 600_000;
const OVERDUE_AFTER_MS = 30_000;
const LANES = [0, 1, 2];
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

async function takeUp(model: Model, real: Real, worker: number): Promise<boolean> {
  const lanes = LANES.map(
    (lane) =>
      ({ type: real.type, lane, priority: 3, group: '', from: '-infinity', fromId: FIRST_ID }) satisfies Position,
  );
  const claimed = await claim(real.pool, {
    workerId: real.workers[worker] as string,
    lanes,
    take: 1,
    workflowId: undefined,
  });
  const expected = says.claim(model, worker);
  expect(claimed.length).toBe(Number(expected));
  real.claims.push(...claimed);
  return expected;
}

async function setLease(model: Model, real: Real, worker: number, alive: boolean): Promise<void> {
  model.alive[worker] = alive;
  await real.pool.query({
    name: 'set-lease',
    text: `update tem.worker set lease_until = clock_timestamp() + $2 * interval '1 ms' where id = $1`,
    values: [real.workers[worker], alive ? LEASE_MS : -1],
  });
}

/** The worker that has it dies, and the other one takes over: the way to quarantine and poison. */
function crashStep(): Step {
  return step('crash and take over', async (model, real) => {
    const dead = model.epochWorker ?? 0;
    const other = 1 - dead;
    await setLease(model, real, dead, false);
    await setLease(model, real, other, true);
    let changed = says.freeDead(model);
    await freeDeadWorkers(real.pool);
    changed = (await takeUp(model, real, other)) || changed;
    return changed;
  });
}

const worker = fc.integer({ min: 0, max: says.WORKERS - 1 });
const age = fc.constantFrom(0, 0, 0, 0, 0, 1, 2);
const outcome = fc.constantFrom<Outcome>(
  'processed',
  'retryNow',
  'retryNow',
  'retryLater',
  'leaveNow',
  'leaveNow',
  'leaveLater',
  'settle',
  'leaveToSettle',
  'extinct',
  'cancelled',
  'release',
);
const maxAttempts = fc.constantFrom(MAX_ATTEMPTS, MAX_ATTEMPTS, MAX_ATTEMPTS, 2);
const ended = fc.constantFrom('EXTINCT' as const, 'CANCELLED' as const);

const claimSteps = worker.map((by) => step(`claim by ${by}`, (model, real) => takeUp(model, real, by)));
const beginSteps = fc
  .tuple(worker, age, fc.constantFrom(0, 0, 0, -1, 1), maxAttempts)
  .map(([by, old, attempt, most]) => beginStep(by, old, attempt, most));
const markSteps = fc.tuple(outcome, age).map(([what, old]) => markStep(what, old));

/** Every step; those that carry an event on appear several times, so that histories reach far. */
export const steps: fc.Arbitrary<Step>[] = [
  claimSteps,
  claimSteps,
  claimSteps,
  beginSteps,
  beginSteps,
  beginSteps,
  beginSteps,
  markSteps,
  markSteps,
  markSteps,
  markSteps,
  fc.tuple(worker, fc.tuple(age, age)).map(([by, ages]) => beginTogetherStep(by, ages)),
  fc.tuple(worker, age, maxAttempts).map(([by, old, most]) => beginSettlingStep(by, old, most)),
  fc.tuple(worker, age, maxAttempts).map(([by, old, most]) => beginSettlingStep(by, old, most)),
  fc.tuple(ended, fc.constantFrom(null, 'gave up'), age).map(([to, error, old]) => settledStep(to, error, old)),
  fc.constant(crashStep()),
  fc.constant(
    step('a person cancels', async (model, real) => {
      const from = model.state;
      const expected = says.cancel(model);
      const answer = await cancelEvent(real.pool, real.id, 'person');
      expect(answer).toEqual({ outcome: expected, state: model.state, ...(expected === 'done' && { from }) });
      return expected === 'done';
    }),
  ),
  age.map((old) =>
    step(`a run ${old} generations old is cancelled`, async (model, real) => {
      const generation = model.generation - old;
      const { state } = model;
      const expected = { running: state === 'PROCESSING', ended: says.isEnded(model), stale: old > 0, state };
      says.cancelFromRun(model, generation);
      expect(await cancelFromRun(real.pool, real.id, generation)).toEqual(expected);
      return !expected.stale && !expected.ended;
    }),
  ),
  fc.constant(
    step('a person retries', async (model, real) => {
      const from = model.state;
      const expected = says.retry(model);
      const answer = await retryEvent(real.pool, real.id, 'person');
      const why = expected === 'conflict' && model.compensating ? { why: 'compensating' } : {};
      expect(answer).toEqual({ outcome: expected, state: model.state, ...(expected === 'done' && { from }), ...why });
      return expected === 'done';
    }),
  ),
  fc.tuple(worker, fc.boolean()).map(([which, alive]) =>
    step(`worker ${which} ${alive ? 'lives' : 'dies'}`, async (model, real) => {
      await setLease(model, real, which, alive);
      return false;
    }),
  ),
  fc.constant(
    step('the dead are freed', async (model, real) => {
      const expected = says.freeDead(model);
      expect(await freeDeadWorkers(real.pool)).toBe(Number(expected));
      return expected;
    }),
  ),
  age.map((old) =>
    step(`freed at ${old} generations ago`, async (model, real) => {
      const generation = model.generation - old;
      const expected = old === 0 && says.free(model);
      expect(await free(real.pool, [{ id: real.id, generation }])).toBe(Number(expected));
      return expected;
    }),
  ),
  fc.constant(
    step('Temporal is lost', async (model, real) => {
      const runs = model.state === 'PROCESSING' && model.owner !== undefined && model.alive[model.owner] === true;
      const expected = !runs && says.free(model);
      expect(await freeAllRuns(real.pool, new Date(Date.now() + LATER_MS))).toBe(Number(expected));
      return expected;
    }),
  ),
  age.map((old) =>
    step(`unclaim of ${old} claims ago`, async (model, real) => {
      const token = real.claims.at(-1 - old);
      if (!token) return false;
      const expected = says.unclaim(model, token);
      await unclaim(real.pool, [token], 0);
      return expected;
    }),
  ),
  fc.constant(
    step('started by hand', async (model, real) => {
      const expected = says.adopt(model);
      const answer = await adopt(real.pool, real.id, `by-hand-${randomUUID()}`);
      expect('refusal' in answer).toBe(!expected);
      return expected;
    }),
  ),
  age.map((old) =>
    step(`payload refused at ${old} generations ago`, async (model, real) => {
      const generation = model.generation - old;
      const expected = says.refuse(model, generation);
      await refuseQueued(real.pool, [{ id: real.id, generation, error: 'refused' }], 'relay');
      return expected;
    }),
  ),
  fc.constant(
    step('nobody knows the type', async (model, real) => {
      const known = model.alive.some(Boolean);
      const expected = !known && says.endUnknown(model);
      expect(await endUnknownTypes(real.pool, 0, 10)).toBe(Number(expected));
      return expected;
    }),
  ),
  fc.tuple(age, fc.constantFrom('failed', 'failed', null)).map(([old, error]) =>
    step(`compensation of ${old} ago ${error ?? 'is handed back'}`, async (model, real) => {
      const epoch = real.settleEpochs.at(-1 - old);
      if (epoch === undefined) return false;
      const expected = uncompensated(model, epoch, error !== null);
      const note = { id: real.id, epoch, error, leaves: false, delayMs: 0, overdueAfterMs: OVERDUE_AFTER_MS };
      expect(await noteUncompensated(real.pool, note)).toBe(expected);
      return expected !== 'stale';
    }),
  ),
];
