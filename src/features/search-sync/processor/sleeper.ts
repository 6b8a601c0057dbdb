// A sleep that can be ended from outside; a ring that comes before it ends the next one at once.

import { setTimeout as pause } from 'node:timers/promises';

export interface Sleeper {
  sleep(ms: number): Promise<void>;
  ring(): void;
}

export function createSleeper(signal: AbortSignal): Sleeper {
  let rung = false;
  let wake: () => void = () => {};
  return {
    async sleep(ms) {
      if (!rung && !signal.aborted) {
        const ended = new AbortController();
        wake = () => ended.abort();
        await pause(ms, undefined, { signal: AbortSignal.any([ended.signal, signal]) }).catch(() => {});
        wake = () => {};
      }
      rung = false;
    },
    ring() {
      rung = true;
      wake();
    },
  };
}
