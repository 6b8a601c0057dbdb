// Says in the API's log when no worker runs the events that it accepts: an API and a worker on different databases look
// healthy each by itself. Once when it begins, and once when it is over.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { checkWorkers } from '../core/health/workers.ts';
import type { TemporalConnectionOptions } from '../core/temporal.ts';

/** A worker that starts together with the API has this long. */
const FIRST_LOOK_AFTER_MS = 10_000;
const LOOK_EVERY_MS = 15_000;

/** Looks until the returned function is called. */
export function watchWorkers(
  pool: Pool,
  temporal: { options: TemporalConnectionOptions; namespace: string },
  log: Logger,
): () => void {
  let missing = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const { ok, detail } = await checkWorkers(pool, temporal);
    if (ok === !missing) return;
    missing = !ok;
    if (missing) log.warn(`accepted events wait: ${detail}`);
    else log.info(detail);
  };
  const lookSoon = (afterMs: number): void => {
    // What is away is said elsewhere.
    timer = setTimeout(
      () =>
        void look()
          .catch(() => {})
          .finally(() => timer && lookSoon(LOOK_EVERY_MS)),
      afterMs,
    );
  };
  lookSoon(FIRST_LOOK_AFTER_MS);
  return () => {
    clearTimeout(timer);
    timer = undefined;
  };
}
