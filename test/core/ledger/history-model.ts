// What the ledger should do, said a second time and simply: one event's row as a value, and each operation as a function
// on it. The property test runs random histories against this and against Postgres and compares them after every step.

import type { EventState } from '../../../src/core/ledger/states.ts';

export const WORKERS = 2;

export interface Model {
  state: EventState;
  generation: number;
  epoch: number;
  retryCount: number;
  crashCount: number;
  /** 0 may share a batch, 1 has runs of its own, 2 is quarantine. */
  lane: number;
  begun: boolean;
  place: 'queue' | 'run' | 'none';
  /** Whether its time in the queue has come. */
  due: boolean;
  /** Whether next_retry_at has come; true also when it is null. */
  retryDue: boolean;
  compensating: boolean;
  cancelRequested: boolean;
  /** Index of the worker that has it, and of the one whose attempt was the last. */
  owner: number | undefined;
  epochWorker: number | undefined;
  /** The generation whose run the last attempt or compensation was given to. */
  epochGeneration: number | undefined;
  /** Whether a compensation has begun and not come to an outcome. */
  settling: boolean;
  /** Whether a compensation has failed and none succeeded since. */
  uncompensated: boolean;
  alive: boolean[];
  readonly compensates: boolean;
}

export function initialModel(compensates: boolean): Model {
  return {
    state: 'QUEUED',
    generation: 0,
    epoch: 0,
    retryCount: 0,
    crashCount: 0,
    lane: 0,
    begun: false,
    place: 'queue',
    due: true,
    retryDue: true,
    compensating: false,
    cancelRequested: false,
    owner: undefined,
    epochWorker: undefined,
    epochGeneration: undefined,
    settling: false,
    uncompensated: false,
    alive: [true, true],
    compensates,
  };
}

export const isEnded = ({ state }: Model): boolean =>
  state === 'PROCESSED' || state === 'EXTINCT' || state === 'CANCELLED';
export const lives = (model: Model, worker: number | undefined): boolean =>
  worker !== undefined && model.alive[worker] === true;

/** Takes the event out of whatever had it: the end. */
export function end(model: Model, state: EventState): void {
  Object.assign(model, {
    state,
    place: 'none',
    compensating: false,
    cancelRequested: false,
    settling: false,
    retryDue: true,
  });
}

export function enqueue(model: Model, due: boolean): void {
  Object.assign(model, { place: 'queue', due, owner: undefined });
}

export function ownRun(model: Model): void {
  model.lane = Math.max(model.lane, 1);
}

export function claim(model: Model, worker: number): boolean {
  if (model.place !== 'queue' || !model.due) return false;
  Object.assign(model, { place: 'run', owner: worker, generation: model.generation + 1 });
  return true;
}

export function adopt(model: Model): boolean {
  if (model.place !== 'queue') return false;
  Object.assign(model, { place: 'run', owner: undefined, generation: model.generation + 1 });
  return true;
}

export function cancel(model: Model): 'done' | 'conflict' {
  if (isEnded(model)) return 'conflict';
  if (model.state === 'PROCESSING' || model.settling) {
    model.cancelRequested = true;
    return 'done';
  }
  model.generation += 1;
  if (!(model.begun && model.compensates)) {
    end(model, 'CANCELLED');
    return 'done';
  }
  Object.assign(model, { state: 'FAILED', cancelRequested: true, compensating: true, retryDue: true });
  ownRun(model);
  enqueue(model, true);
  return 'done';
}

export function cancelFromRun(model: Model, generation: number): void {
  if (generation === model.generation && !isEnded(model)) model.cancelRequested = true;
}

export function retry(model: Model): 'done' | 'conflict' {
  if (model.state !== 'EXTINCT' && (model.state !== 'FAILED' || model.compensating)) return 'conflict';
  if (model.state === 'EXTINCT')
    Object.assign(model, {
      state: 'QUEUED',
      retryCount: 0,
      crashCount: 0,
      lane: 0,
      begun: model.begun && model.uncompensated,
    });
  Object.assign(model, {
    generation: model.generation + 1,
    cancelRequested: false,
    retryDue: true,
    uncompensated: false,
  });
  enqueue(model, true);
  return 'done';
}

export function free(model: Model): boolean {
  if (model.place !== 'run') return false;
  model.generation += 1;
  if ((model.state === 'PROCESSING' || model.settling) && !lives(model, model.epochWorker))
    model.lane = Math.max(model.lane, model.crashCount > 0 ? 2 : 1);
  else if (!model.begun && model.owner !== undefined && !lives(model, model.owner)) ownRun(model);
  enqueue(model, model.state !== 'FAILED' || model.retryDue);
  return true;
}

export function freeDead(model: Model): boolean {
  return model.place === 'run' && model.owner !== undefined && !lives(model, model.owner) && free(model);
}

export function unclaim(model: Model, token: { generation: number; epoch: number }): boolean {
  if (model.place !== 'run' || model.generation !== token.generation || model.epoch !== token.epoch) return false;
  enqueue(model, true);
  return true;
}

/** No live worker has known the type for too long. */
export function endUnknown(model: Model): boolean {
  if (model.place !== 'queue' || !model.due) return false;
  model.owner = undefined;
  model.uncompensated ||= model.begun && model.compensates;
  end(model, model.cancelRequested ? 'CANCELLED' : 'EXTINCT');
  return true;
}

export function refuse(model: Model, generation: number): boolean {
  if (model.state !== 'QUEUED' || model.generation !== generation) return false;
  Object.assign(model, { owner: undefined });
  end(model, 'EXTINCT');
  return true;
}
