// What an operator wants of this worker, looked up every second: to claim nothing more, to go on, or to end.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { wantedOf } from '../core/ledger/workers.ts';

const LOOK_EVERY_MS = 1_000;

export interface Orders {
  /** Resolves when an operator wants the worker to end. */
  readonly shutdown: Promise<void>;
  start(): void;
  stop(): void;
}

export function createOrders(options: {
  pool: Pool;
  workerId: string;
  drain(drained: boolean): void;
  log: Logger;
}): Orders {
  const { pool, workerId, drain, log } = options;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let end: () => void = () => {};
  const shutdown = new Promise<void>((resolve) => {
    end = resolve;
  });
  const look = async (): Promise<void> => {
    try {
      const wanted = await wantedOf(pool, workerId);
      drain(wanted !== null);
      if (wanted === 'shutdown') {
        log.info({ worker: workerId }, 'an operator wants this worker to end');
        end();
        return;
      }
    } catch (error) {
      log.debug({ error: (error as Error).message }, 'orders could not be looked up');
    }
    if (!stopped) timer = setTimeout(look, LOOK_EVERY_MS);
  };
  return {
    shutdown,
    start: () => void look(),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
