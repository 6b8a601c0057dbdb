// Keeps one service alive: when it ends by itself it is started again, with growing waits while that doesn't help.

import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceProcess } from './processes.ts';
import type { Say } from './progress.ts';

const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 15_000;

export interface KeptService {
  /** Stops the service for good; resolves when its process has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a service, and starts it again whenever it ends before `stop`. `start` gives up when its signal aborts.
 * Throws when the first start fails or `signal` aborts during it; later it is `stop` that ends the service.
 */
export async function keepRunning(
  name: string,
  say: Say,
  signal: AbortSignal,
  start: (signal: AbortSignal) => Promise<ServiceProcess>,
): Promise<KeptService> {
  const stopping = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  let current: ServiceProcess | undefined = await start(signal);
  const watch = async (): Promise<void> => {
    let backoffMs = BACKOFF_MIN_MS;
    for (;;) {
      const since = performance.now();
      await Promise.race([current?.exited, aborted]);
      if (stopping.signal.aborted) return current?.stop();
      if (current) say(`${name} ended (${await current.exited}); starting it again`);
      backoffMs = performance.now() - since > BACKOFF_MAX_MS ? BACKOFF_MIN_MS : Math.min(backoffMs * 2, BACKOFF_MAX_MS);
      await Promise.race([delay(backoffMs), aborted]);
      if (stopping.signal.aborted) return current?.stop();
      current = await start(stopping.signal).catch((error: Error) => {
        if (!stopping.signal.aborted) say(`${name} can't be started again: ${error.message}`);
        return undefined;
      });
    }
  };
  const watched = watch();
  return {
    async stop() {
      stopping.abort();
      await watched;
    },
  };
}
