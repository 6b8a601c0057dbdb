// Turns for calls that are dear: some run, some wait, and the rest is refused at once, so that no queue grows.

import { LedgerUnavailable } from './errors.ts';

export type Turns = <Value>(call: () => Promise<Value>) => Promise<Value>;

/** Runs at most `atOnce` calls, lets `waitingMax` wait, and refuses the rest with LedgerUnavailable: too many `what`. */
export function createTurns(atOnce: number, waitingMax: number, what: string): Turns {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (call) => {
    if (running >= atOnce) {
      if (queue.length >= waitingMax) throw new LedgerUnavailable(`too many ${what}`);
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await call();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
