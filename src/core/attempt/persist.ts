// Writing an outcome down through short outages of the ledger and locks of others, and finding out what an unanswered write
// has done. What is tried again comes with jitter, so that those that failed together don't meet again.

import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { backoffMs } from '../backoff.ts';
import { LedgerUnavailable, RowLocked } from '../errors.ts';
import { errorText, type Mark, mark, standing } from '../ledger/mark.ts';
import { isLocked, isUnavailable } from '../ledger/pool.ts';
import type { AttemptDependencies } from './dependencies.ts';

const AWAY_RETRY = { baseMs: 200, capMs: 2_000, jitter: 0.5 };
/** No longer than a person would call at once after the lock has gone. */
const LOCKED_RETRY = { baseMs: 25, capMs: 1_000, jitter: 0.5 };
const PERSIST_FOR_MS = 60_000;
/** What has done nothing yet can be left to the run's next try. */
const LOCKED_FOR_MS = 30_000;
/** In a handler's transaction, which holds a connection meanwhile. */
const LOCKED_IN_TRANSACTION_FOR_MS = 10_000;

/** Repeats what fails as `mayPass` says, for `forMs` or until the signal aborts; then rejects with the last error. */
async function repeating<Result>(
  work: () => Promise<Result>,
  { mayPass, forMs, signal }: { mayPass(error: unknown): boolean; forMs: number; signal?: AbortSignal | undefined },
): Promise<Result> {
  const giveUpAtMs = performance.now() + forMs;
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error) || performance.now() > giveUpAtMs || signal?.aborted) throw error;
      await pause(backoffMs(isLocked(error) ? LOCKED_RETRY : AWAY_RETRY, failures));
    }
  }
}

/**
 * Writes a mark, through short outages and locks: what a handler did outside should not be done again because Postgres
 * restarts. False when the epoch is over. Rejects with LedgerUnavailable after about a minute.
 */
export async function persist(dependencies: AttemptDependencies, intent: Mark): Promise<boolean> {
  // An earlier try may have been committed without an answer.
  const write = async () => (await dependencies.mark(intent)) || isWritten(dependencies.marksPool, intent);
  try {
    return await repeating(write, {
      mayPass: (error) => isUnavailable(error) || error instanceof LedgerUnavailable,
      forMs: PERSIST_FOR_MS,
    });
  } catch (error) {
    if (!isUnavailable(error) && !(error instanceof LedgerUnavailable)) throw error;
    throw new LedgerUnavailable(`the outcome could not be written: ${errorText(error)}`, { cause: error });
  }
}

/** Repeats what meets a row that somebody holds, for half a minute or until the signal aborts. */
export function untilFree<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
  return repeating(work, { mayPass: isLocked, forMs: LOCKED_FOR_MS, signal });
}

/**
 * Marks in a handler's transaction; false when it must roll back. A single mark waits a while for a row that somebody holds,
 * and rejects with LedgerUnavailable then; those of a set don't, because its events can be handled one by one.
 */
export async function markInTransaction(client: PoolClient, group: readonly Mark[]): Promise<boolean> {
  const write = async (): Promise<boolean> => {
    const written = await mark(client, group);
    const locked = written.find((each) => each instanceof RowLocked);
    if (locked) throw locked;
    return written.every(Boolean);
  };
  const forMs = group.length === 1 ? LOCKED_IN_TRANSACTION_FOR_MS : 0;
  try {
    return await repeating(write, { mayPass: (error) => error instanceof RowLocked && forMs > 0, forMs });
  } catch (error) {
    if (!(error instanceof RowLocked)) throw error;
    if (group.length > 1) return false;
    throw new LedgerUnavailable(error.message, { cause: error });
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
