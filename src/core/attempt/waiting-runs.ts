// How many runs of this worker may wait in Temporal for their events' next try, so that a storm of failures becomes no backlog
// there: beyond that an event waits in the ledger's queue, and its run ends (rule 9).

/** What TEM_WAITING_RUNS is unless it is set. */
export const WAITING_RUNS_MAX = 1_000;
/** After its time a run is taken up here or by another worker, which this one doesn't hear of; or its event is overdue. */
const TAKEN_UP_WITHIN_MS = 30_000;
/** Entries that ended are looked for at most so often while all places are taken. */
const SWEEP_EVERY_MS = 100;

export interface WaitingRuns {
  /** Takes a place for a run that waits for `delayMs`; false when none is left. */
  enter(id: string, delayMs: number): boolean;
  /** The run of this event waits no longer. */
  leave(id: string): void;
}

export function createWaitingRuns(max: number): WaitingRuns {
  const until = new Map<string, number>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  const sweep = (): void => {
    const nowMs = performance.now();
    if (nowMs - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = nowMs;
    for (const [id, endMs] of until) if (endMs < nowMs) until.delete(id);
  };
  return {
    enter(id, delayMs) {
      if (until.size >= max && !until.has(id)) sweep();
      if (until.size >= max && !until.has(id)) return false;
      until.set(id, performance.now() + delayMs + TAKEN_UP_WITHIN_MS);
      return true;
    },
    leave: (id) => void until.delete(id),
  };
}
