// What the ledger should do, said a second time and simply: one event's row as a value, and each operation as a function
// on it. The property test runs random histories against this and against Postgres and compares them after every step.

import type { EventState } from '../../../src/core/ledger/states.ts';

export const POISON_CRASHES = 5;
export const WORKERS = 2;

export interface Model {
  state: EventState;
  generation: number;
  epoch: number;
  retryCount: number;
  crashCount: number;
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
    alive: [true, true],
    compensates,
  };
}

export const isEnded = ({ state }: Model): boolean =>
  state === 'PROCESSED' || state === 'EXTINCT' || state === 'CANCELLED';
const lives = (model: Model, worker: number | undefined): boolean =>
  worker !== undefined && model.alive[worker] === true;

/** Takes the event out of whatever had it: the end. */
function end(model: Model, state: EventState): void {
  Object.assign(model, {
    state,
    place: 'none',
    compensating: false,
    cancelRequested: false,
    settling: false,
    retryDue: true,
  });
}

function enqueue(model: Model, due: boolean): void {
  Object.assign(model, { place: 'queue', due, owner: undefined });
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

export function begin(
  model: Model,
  request: { worker: number; generation: number; attempt: number; maxAttempts: number },
): 'ended' | 'stale' | 'busy' | 'settle' | 'waiting' | 'run' {
  if (isEnded(model)) return 'ended';
  if (request.generation !== model.generation) return 'stale';
  const openElsewhere = model.state === 'PROCESSING' && model.epochWorker !== request.worker;
  if (openElsewhere && lives(model, model.epochWorker)) return 'busy';
  if (model.cancelRequested || model.compensating || model.retryCount >= request.maxAttempts) return 'settle';
  if (model.state === 'FAILED' && (model.retryCount >= request.attempt || !model.retryDue)) return 'waiting';
  const crashed = openElsewhere;
  if (crashed && model.epochGeneration === model.generation) {
    free(model);
    return 'stale';
  }
  const poisoned = crashed && model.crashCount + 1 >= POISON_CRASHES;
  Object.assign(model, {
    state: poisoned ? 'FAILED' : 'PROCESSING',
    compensating: poisoned,
    place: 'run',
    begun: true,
    retryDue: true,
    epoch: model.epoch + 1,
    owner: request.worker,
    epochWorker: request.worker,
    epochGeneration: model.generation,
    crashCount: model.crashCount + Number(crashed),
  });
  return poisoned ? 'settle' : 'run';
}

export function beginSettling(
  model: Model,
  request: { worker: number; generation: number; maxAttempts: number },
): 'ended' | 'stale' | 'busy' | 'settle' | 'alive' {
  if (isEnded(model)) return 'ended';
  if (request.generation !== model.generation) return 'stale';
  const open = model.state === 'PROCESSING' || model.settling;
  const openElsewhere = open && model.epochWorker !== request.worker;
  if (openElsewhere && lives(model, model.epochWorker)) return 'busy';
  if (!model.compensating && !model.cancelRequested && model.retryCount < request.maxAttempts) return 'alive';
  Object.assign(model, {
    crashCount: model.crashCount + Number(openElsewhere && model.settling),
    settling: true,
    epochGeneration: model.generation,
    state: model.state === 'QUEUED' ? 'QUEUED' : 'FAILED',
    compensating: true,
    place: 'run',
    retryDue: true,
    epoch: model.epoch + 1,
    owner: request.worker,
    epochWorker: request.worker,
  });
  return 'settle';
}

export type Outcome =
  | 'processed'
  | 'retryNow'
  | 'retryLater'
  | 'leaveNow'
  | 'leaveLater'
  | 'settle'
  | 'leaveToSettle'
  | 'extinct'
  | 'cancelled'
  | 'release';

/** The outcome of the attempt with this epoch. False: it is too old to say anything. */
export function mark(model: Model, outcome: Outcome, epoch: number): boolean {
  if (model.state !== 'PROCESSING' || epoch !== model.epoch) return false;
  model.owner = undefined;
  // Freed under its attempt: it stays in the queue, because the attempt's run is stale.
  const freed = model.place === 'queue';
  switch (outcome) {
    case 'processed':
      end(model, 'PROCESSED');
      return true;
    case 'extinct':
      model.retryCount += 1;
      end(model, 'EXTINCT');
      return true;
    case 'cancelled':
      end(model, 'CANCELLED');
      return true;
    case 'release':
      model.state = 'QUEUED';
      enqueue(model, true);
      return true;
    case 'settle':
    case 'leaveToSettle':
      Object.assign(model, { state: 'FAILED', compensating: true, retryCount: model.retryCount + 1 });
      if (freed || outcome === 'leaveToSettle') enqueue(model, true);
      return true;
    default: {
      const now = model.cancelRequested || outcome === 'retryNow' || outcome === 'leaveNow';
      Object.assign(model, { state: 'FAILED', retryCount: model.retryCount + 1, retryDue: now });
      if (freed || model.cancelRequested || outcome === 'leaveNow' || outcome === 'leaveLater') enqueue(model, now);
      return true;
    }
  }
}

/** The end of the compensation with this epoch. */
export function markSettled(model: Model, to: 'EXTINCT' | 'CANCELLED', epoch: number): boolean {
  if (!model.compensating || epoch !== model.epoch) return false;
  end(model, to);
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
  Object.assign(model, { cancelRequested: true, compensating: true, retryDue: true });
  enqueue(model, true);
  return 'done';
}

export function cancelFromRun(model: Model, generation: number): void {
  if (generation === model.generation && !isEnded(model)) model.cancelRequested = true;
}

export function retry(model: Model): 'done' | 'conflict' {
  if (model.state !== 'EXTINCT' && (model.state !== 'FAILED' || model.compensating)) return 'conflict';
  if (model.state === 'EXTINCT') Object.assign(model, { state: 'QUEUED', retryCount: 0, crashCount: 0, begun: false });
  Object.assign(model, { generation: model.generation + 1, cancelRequested: false, retryDue: true });
  enqueue(model, true);
  return 'done';
}

export function free(model: Model): boolean {
  if (model.place !== 'run') return false;
  model.generation += 1;
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

export function refuse(model: Model, generation: number): boolean {
  if (model.state !== 'QUEUED' || model.generation !== generation) return false;
  Object.assign(model, { owner: undefined });
  end(model, 'EXTINCT');
  return true;
}
