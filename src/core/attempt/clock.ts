// Time limits that a blocked event loop doesn't use up: when one handler blocks the process for five seconds, the
// others lose those five seconds of waiting but not five seconds of their limit.

const TICK_MS = 20;
// A late tick counts for at most this much: the rest of the delay was the process's, not the attempt's.
const TICK_COUNTED_MS_MAX = 60;
// Thousands that time out together, as in batches to a target that hangs, must not hold up the others in one piece.
const TIMEOUTS_PER_TICK_MAX = 50;

export interface Limit {
  cancel(): void;
  /** Stops the clock until `resume`: what a handler waits for because of others is not its own time. */
  pause(): void;
  resume(): void;
}

const limits = new WeakMap<AbortSignal, Limit>();

/** Notes which limit aborts a signal. */
export function bindLimit(signal: AbortSignal, limit: Limit): void {
  limits.set(signal, limit);
}

/** Waits without using up the limit that aborts the signal, when one does, for `atMostMs`; then the limit runs again. */
export async function offTheClock<Result>(
  signal: AbortSignal,
  atMostMs: number,
  wait: () => Promise<Result>,
): Promise<Result> {
  const limit = limits.get(signal);
  if (!limit) return wait();
  limit.pause();
  let resume: () => void = () => {
    resume = () => {};
    limit.resume();
  };
  const timer = setTimeout(() => resume(), atMostMs);
  try {
    return await wait();
  } finally {
    clearTimeout(timer);
    resume();
  }
}

export interface AttemptClock {
  /** Calls `onTimeout` once after `limitMs` of running time. */
  limit(limitMs: number, onTimeout: () => void): Limit;
}

export function createAttemptClock(): AttemptClock {
  const running = new Set<{ remainingMs: number; pauses: number; onTimeout: () => void }>();
  let timer: NodeJS.Timeout | undefined;
  let lastMs = 0;

  const tick = (): void => {
    const nowMs = performance.now();
    const passedMs = Math.min(nowMs - lastMs, TICK_COUNTED_MS_MAX);
    lastMs = nowMs;
    let timeouts = 0;
    for (const each of running) {
      if (each.pauses > 0) continue;
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
      const entry = { remainingMs: limitMs, pauses: 0, onTimeout };
      running.add(entry);
      if (!timer) {
        lastMs = performance.now();
        timer = setInterval(tick, TICK_MS);
        timer.unref();
      }
      return {
        cancel: () => void running.delete(entry),
        pause() {
          entry.pauses += 1;
        },
        resume() {
          entry.pauses -= 1;
        },
      };
    },
  };
}
