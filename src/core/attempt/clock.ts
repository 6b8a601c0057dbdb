// Time limits that a blocked event loop doesn't use up: when one handler blocks the process for five seconds, the
// others lose those five seconds of waiting but not five seconds of their limit.

const TICK_MS = 20;
// A late tick counts for at most this much: the rest of the delay was the process's, not the attempt's.
const TICK_COUNTED_MS_MAX = 60;
// Thousands that time out together, as in batches to a target that hangs, must not hold up the others in one piece.
const TIMEOUTS_PER_TICK_MAX = 50;
/**
 * How long an attempt may wait off its clock, all its waits together: whoever looks after attempts that take too long
 * waits as much longer.
 */
export const UNCOUNTED_MAX_MS = 60_000;

/** Waits without using up a limit. */
export type OffTheClock = <Result>(wait: () => Promise<Result>) => Promise<Result>;

export interface Limit {
  cancel(): void;
  /**
   * Stops the clock while it waits, for UNCOUNTED_MAX_MS in all: what a handler waits for because of others is not its own
   * time.
   */
  offTheClock: OffTheClock;
}

export interface AttemptClock {
  /** Calls `onTimeout` once after `limitMs` of running time. */
  limit(limitMs: number, onTimeout: () => void): Limit;
}

export function createAttemptClock(uncountedMaxMs = UNCOUNTED_MAX_MS): AttemptClock {
  const running = new Set<{ remainingMs: number; uncountedMs: number; waits: number; onTimeout: () => void }>();
  let timer: NodeJS.Timeout | undefined;
  let lastMs = 0;

  const tick = (): void => {
    const nowMs = performance.now();
    const sinceMs = nowMs - lastMs;
    const passedMs = Math.min(sinceMs, TICK_COUNTED_MS_MAX);
    lastMs = nowMs;
    let timeouts = 0;
    for (const each of running) {
      if (each.waits > 0 && each.uncountedMs > 0) {
        each.uncountedMs -= sinceMs;
        continue;
      }
      each.remainingMs -= passedMs;
      if (each.remainingMs > 0 || ++timeouts > TIMEOUTS_PER_TICK_MAX) continue;
      running.delete(each);
      each.onTimeout();
    }
    if (running.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };

  return {
    limit(limitMs, onTimeout) {
      const entry = { remainingMs: limitMs, uncountedMs: uncountedMaxMs, waits: 0, onTimeout };
      running.add(entry);
      if (!timer) {
        lastMs = performance.now();
        timer = setInterval(tick, TICK_MS);
        timer.unref();
      }
      return {
        cancel: () => void running.delete(entry),
        async offTheClock(wait) {
          entry.waits += 1;
          try {
            return await wait();
          } finally {
            entry.waits -= 1;
          }
        },
      };
    },
  };
}
