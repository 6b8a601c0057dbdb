// A worker that has grown beyond TEM_WORKER_MAX_RSS_MB is to end in good order, so that whoever started it starts it anew:
// better than the kernel's end in the middle of its attempts.

import type { Logger } from 'pino';

const LOOK_EVERY_MS = 1_000;
/** In a row: what is freed at the next collection is no growth. */
const LOOKS_ABOVE = 5;
const MB = 1_048_576;

/** Resolves when this process has been above the limit for some seconds; never without a limit. */
export function untilTooLarge(limitMb: number | undefined, log: Logger): Promise<'too large'> {
  return new Promise((resolve) => {
    if (limitMb === undefined) return;
    let above = 0;
    const timer = setInterval(() => {
      const rssMb = Math.round(process.memoryUsage.rss() / MB);
      above = rssMb > limitMb ? above + 1 : 0;
      if (above < LOOKS_ABOVE) return;
      clearInterval(timer);
      log.error({ rssMb, limitMb }, 'this worker has grown beyond TEM_WORKER_MAX_RSS_MB: it ends, to be started anew');
      resolve('too large');
    }, LOOK_EVERY_MS);
    timer.unref();
  });
}
