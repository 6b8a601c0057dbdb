// The steps of an attempt and of a compensation in a random history: begun and marked with tokens of any age.

import { expect } from 'vitest';
import { type BeginAnswer, type BeginRequest, begin } from '../../../src/core/ledger/begin.ts';
import { mark, marks } from '../../../src/core/ledger/mark.ts';
import { beginSettling } from '../../../src/core/ledger/settle.ts';
import type { Model } from './history-model.ts';
import { isEnded } from './history-model.ts';
import * as says from './history-model-attempts.ts';
import { type Real, type Step, step } from './history-step.ts';

export const MAX_ATTEMPTS = 3;
export const LATER_MS = 3_600_000;
const DUE_BY_MS = 60_000;

const requestOf = (
  model: Model,
  real: Real,
  age: number,
  attemptOffset: number,
  maxAttempts: number,
): BeginRequest => ({
  id: real.id,
  generation: model.generation - age,
  attempt: model.retryCount + 1 + attemptOffset,
  maxAttempts,
  dueByMs: DUE_BY_MS,
});

export function beginStep(worker: number, age: number, attemptOffset: number, maxAttempts: number): Step {
  return step(
    `begin by ${worker}, ${age} generations old, attempt ${attemptOffset}, of ${maxAttempts}`,
    async (model, real) => {
      const request = requestOf(model, real, age, attemptOffset, maxAttempts);
      const { epoch, generation } = model;
      const expected = says.begin(model, { ...request, worker });
      const [answer] = (await begin(real.pool, real.workers[worker] as string, [request])) as [BeginAnswer];
      expect(answer.disposition).toBe(expected);
      if (answer.disposition === 'run') real.attemptEpochs.push(answer.epoch);
      return model.epoch !== epoch || model.generation !== generation;
    },
  );
}

/** Two runs of one event whose begins travel in the same statement: at most one of them may run it. */
export function beginTogetherStep(worker: number, ages: [number, number]): Step {
  return step(`begin together by ${worker}, ${ages.join(' and ')} generations old`, async (model, real) => {
    const requests = ages.map((age) => requestOf(model, real, age, 0, MAX_ATTEMPTS));
    const before = { ...model };
    const first = requests.find((each) => each.generation === before.generation);
    const expected = requests.map((each) => {
      if (isEnded(before)) return 'ended';
      if (each !== first) return 'stale';
      return says.begin(model, { ...each, worker });
    });
    const answers = (await begin(real.pool, real.workers[worker] as string, requests)) as BeginAnswer[];
    expect(answers.map((answer) => answer.disposition)).toEqual(expected);
    for (const answer of answers) if (answer.disposition === 'run') real.attemptEpochs.push(answer.epoch);
    return model.epoch !== before.epoch || model.generation !== before.generation;
  });
}

export function beginSettlingStep(worker: number, age: number, maxAttempts: number): Step {
  return step(`begin settling by ${worker}, ${age} generations old, of ${maxAttempts}`, async (model, real) => {
    const request = { id: real.id, generation: model.generation - age, maxAttempts };
    const { epoch, generation } = model;
    const expected = says.beginSettling(model, { ...request, worker });
    const answer = await beginSettling(real.pool, {
      ...request,
      workerId: real.workers[worker] as string,
      dueByMs: DUE_BY_MS,
      compensates: model.compensates,
    });
    expect(answer.disposition).toBe(expected);
    if (answer.disposition === 'settle') real.settleEpochs.push(answer.epoch);
    return model.epoch !== epoch || model.generation !== generation;
  });
}

export function markStep(outcome: says.Outcome, age: number): Step {
  return step(`mark ${outcome}, ${age} attempts old`, async (model, real) => {
    const epoch = real.attemptEpochs.at(-1 - age);
    if (epoch === undefined) return false;
    const attempt = { id: real.id, epoch, actor: 'test' };
    const intent = {
      processed: marks.processed(attempt, '{"done":true}'),
      retryNow: marks.retry(attempt, 'failed', 0, false),
      retryLater: marks.retry(attempt, 'failed', LATER_MS, false),
      leaveNow: marks.retry(attempt, 'failed', 0, true),
      leaveLater: marks.retry(attempt, 'failed', LATER_MS, true),
      settle: marks.settle(attempt, 'failed', true, false),
      leaveToSettle: marks.settle(attempt, 'failed', true, true),
      extinct: marks.end(attempt, 'EXTINCT', 'failed', true),
      cancelled: marks.end(attempt, 'CANCELLED', 'cancelled', false),
      release: marks.release(attempt),
    }[outcome];
    const expected = says.mark(model, outcome, epoch);
    expect(await mark(real.pool, [intent])).toEqual([expected]);
    return expected;
  });
}

export function settledStep(to: 'EXTINCT' | 'CANCELLED', compensationError: string | null, age: number): Step {
  return step(`compensation of ${age} ago ends ${to}`, async (model, real) => {
    const epoch = real.settleEpochs.at(-1 - age);
    if (epoch === undefined) return false;
    const expected = says.markSettled(model, to, epoch, compensationError !== null);
    expect(
      await mark(real.pool, [marks.settled({ id: real.id, epoch, actor: 'test' }, to, compensationError)]),
    ).toEqual([expected]);
    return expected;
  });
}
