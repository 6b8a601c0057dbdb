// The attempts and compensations of the model: what their begins and outcomes should do to the row.

import { end, enqueue, free, isEnded, lives, type Model, ownRun } from './history-model.ts';

export const POISON_CRASHES = 5;

export function begin(
  model: Model,
  request: { worker: number; generation: number; attempt: number; maxAttempts: number },
): 'ended' | 'stale' | 'busy' | 'settle' | 'waiting' | 'run' {
  if (isEnded(model)) return 'ended';
  if (request.generation !== model.generation) return 'stale';
  const openElsewhere = model.state === 'PROCESSING' && model.epochWorker !== request.worker;
  // Whose own lease is over judges nobody.
  if (openElsewhere && (lives(model, model.epochWorker) || !lives(model, request.worker))) return 'busy';
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
  if (model.crashCount > 0) model.lane = Math.min(model.crashCount, 2);
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
  // Whose own lease is over judges nobody.
  if (openElsewhere && (lives(model, model.epochWorker) || !lives(model, request.worker))) return 'busy';
  if (openElsewhere && model.settling && model.epochGeneration === model.generation) {
    free(model);
    return 'stale';
  }
  if (!model.compensating && !model.cancelRequested && model.retryCount < request.maxAttempts) return 'alive';
  Object.assign(model, {
    crashCount: model.crashCount + Number(openElsewhere && model.settling),
    settling: true,
    epochGeneration: model.generation,
    state: model.state === 'QUEUED' && !(model.begun && model.compensates) ? 'QUEUED' : 'FAILED',
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
      if (freed || outcome === 'leaveToSettle') {
        enqueue(model, true);
        ownRun(model);
      }
      return true;
    default: {
      const now = model.cancelRequested || outcome === 'retryNow' || outcome === 'leaveNow';
      Object.assign(model, { state: 'FAILED', retryCount: model.retryCount + 1, retryDue: now });
      if (model.cancelRequested) ownRun(model);
      if (freed || model.cancelRequested || outcome === 'leaveNow' || outcome === 'leaveLater') enqueue(model, now);
      return true;
    }
  }
}

/** A compensation that failed (`counts`) or that a stopping worker hands back. */
export function uncompensated(model: Model, epoch: number, counts: boolean): 'stale' | 'left' | 'kept' {
  if (!model.settling || epoch !== model.epoch) return 'stale';
  Object.assign(model, { owner: undefined, settling: false });
  model.uncompensated ||= counts;
  if (model.place === 'queue') return 'left';
  if (counts && model.lane < 2) return 'kept';
  model.generation += 1;
  enqueue(model, true);
  return 'left';
}

/** The end of the compensation with this epoch; `gaveUp` when it never succeeded. */
export function markSettled(model: Model, to: 'EXTINCT' | 'CANCELLED', epoch: number, gaveUp: boolean): boolean {
  if (!model.compensating || epoch !== model.epoch) return false;
  model.uncompensated = gaveUp;
  end(model, to);
  return true;
}
