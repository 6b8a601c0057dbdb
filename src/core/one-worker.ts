// Runs a background part in one process of the ledger at a time, a worker as a rule: whoever holds its lease. The holder stops by itself well
// before the lease is over when it can't renew it, so that two run side by side only if a process was frozen in between;
// what such a part does must be right even then.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { BackgroundPart } from './feature.ts';
import { giveUpPart, PART_LEASE_MS, takePart } from './ledger/part-leases.ts';

const LOOK_EVERY_MS = 2_000;
/** Without a renewal for this long the part is stopped. */
const HOLD_WITHOUT_RENEWAL_MS = PART_LEASE_MS / 2;

export interface OneWorkerOptions {
  pool: Pool;
  workerId: string;
  part: BackgroundPart;
  log: Logger;
  /** How often the lease is asked for; tests shorten it. */
  lookEveryMs?: number;
}

/** The part, to be started in every process that may run it. */
export function onOneWorker(options: OneWorkerOptions): Omit<BackgroundPart, 'on'> {
  const { pool, workerId, part, log, lookEveryMs = LOOK_EVERY_MS } = options;
  let holds = false;
  let renewedAtMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopping = false;

  const end = async (): Promise<void> => {
    if (!holds) return;
    holds = false;
    await part.stop();
  };
  const look = async (): Promise<void> => {
    const askedAtMs = performance.now();
    const taken = await takePart(pool, part.name, workerId).catch((error: Error) => {
      log.debug({ part: part.name, error: error.message }, 'the lease of a part could not be asked for');
      return undefined;
    });
    if (taken) {
      renewedAtMs = askedAtMs;
      if (!holds && !stopping) {
        await part.start();
        holds = true;
        log.info({ part: part.name }, 'runs in this process');
      }
    } else if (taken === false || performance.now() - renewedAtMs > HOLD_WITHOUT_RENEWAL_MS) await end();
  };
  const loop = (): void => {
    looking = look()
      .catch((error: Error) => log.error({ part: part.name, error: error.message }, 'a part failed to start or stop'))
      .finally(() => {
        if (!stopping) timer = setTimeout(loop, lookEveryMs);
      });
  };

  return {
    name: part.name,
    start: loop,
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await looking;
      await end();
      // The next worker needn't wait for the lease to run out.
      await giveUpPart(pool, part.name, workerId).catch(() => {});
    },
  };
}
