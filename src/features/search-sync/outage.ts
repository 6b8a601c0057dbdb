// What is nobody's fault in search sync's events: a target that is away, an index that is being made, a Postgres that
// restarts. An attempt that met it gives its event back and doesn't count.

import { LedgerUnavailable, NoPlace } from '../../core/errors.ts';
import { isUnavailable } from '../../core/ledger/pool.ts';
import { TargetAway } from './target/target.ts';

const AGAIN_AFTER_MS = 15_000;
const JITTER = 0.2;

/** Runs an attempt's work, which writes the same again when it is repeated. */
export async function sparingAttempts<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof TargetAway) {
      const waitMs = AGAIN_AFTER_MS * (1 - JITTER + Math.random() * 2 * JITTER);
      throw new NoPlace(message, waitMs, { cause: error });
    }
    if (isUnavailable(error)) throw new LedgerUnavailable(message, { cause: error });
    throw error;
  }
}
