// A loop of a background part: works, waits, works again, sooner when it is woken; an error is said and waited out.

import type { Logger } from 'pino';

export interface Loop {
  start(): void;
  /** Works at once, or once more when it is working. */
  wake(): void;
  stop(): Promise<void>;
}

export interface LoopOptions {
  name: string;
  everyMs: number;
  /** The wait after an error. */
  afterErrorMs: number;
  work(signal: AbortSignal): Promise<void>;
  log: Logger;
}

export function createLoop({ name, everyMs, afterErrorMs, work, log }: LoopOptions): Loop {
  let ending = new AbortController();
  let woken = false;
  let endWait: () => void = () => {};
  let running: Promise<void> = Promise.resolve();

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      endWait = () => {
        clearTimeout(timer);
        resolve();
      };
      if (woken || ending.signal.aborted) endWait();
    });
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      woken = false;
      const failed = await work(ending.signal).then(
        () => false,
        (error: Error) => {
          if (!ending.signal.aborted) log.warn({ error: error.message }, `${name} failed, trying again`);
          return true;
        },
      );
      if (failed) woken = false;
      await wait(failed ? afterErrorMs : everyMs);
    }
  };
  return {
    start() {
      ending = new AbortController();
      running = run();
    },
    wake() {
      woken = true;
      endWait();
    },
    async stop() {
      ending.abort();
      endWait();
      await running;
    },
  };
}
