// Writing an outcome down through short outages of the ledger, and finding out what an unanswered write has done.

import type { Pool } from 'pg';
import { LedgerUnavailable } from '../errors.ts';
import { errorText, type Mark, standing } from '../ledger/mark.ts';
import { isUnavailable } from '../ledger/pool.ts';
import type { AttemptDependencies } from './dependencies.ts';

const PERSIST_FIRST_DELAY_MS = 100;
const PERSIST_DELAY_MAX_MS = 2_000;
const PERSIST_TRIES_MAX = 30;

/**
 * Writes a mark, through short outages: what a handler did outside should not be done again because Postgres restarts.
 * False when the epoch is over. Rejects with LedgerUnavailable after about a minute.
 */
export async function persist(dependencies: AttemptDependencies, intent: Mark): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      if (await dependencies.mark(intent)) return true;
      // An earlier try may have been committed without an answer.
      return await isWritten(dependencies.marksPool, intent);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      if (tries >= PERSIST_TRIES_MAX)
        throw new LedgerUnavailable(`the outcome could not be written: ${errorText(error)}`, { cause: error });
      const delayMs = Math.min(PERSIST_FIRST_DELAY_MS * 2 ** tries, PERSIST_DELAY_MAX_MS);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

export async function isWritten(pool: Pool, intent: Mark): Promise<boolean> {
  const row = await ledger(standing(pool, intent.id));
  return row?.epoch === intent.epoch && row.state === intent.to;
}

/** Names an outage as what it is. */
export async function ledger<Result>(promise: Promise<Result>): Promise<Result> {
  try {
    return await promise;
  } catch (error) {
    throw isUnavailable(error) ? new LedgerUnavailable((error as Error).message, { cause: error }) : error;
  }
}
