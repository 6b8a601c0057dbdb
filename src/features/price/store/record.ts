// One set of checks in one transaction: results, deals, `price.changed`, and a `price.check` event for each product that
// fails, so that it leaves its batch and has retries of its own.

import { acceptEvents } from '../../../core/ledger/accept.ts';
import { currentContext } from '../../../core/tracing/index.ts';
import { asQueryable, type Database } from './database.ts';
import { findDeals } from './deals.ts';
import { type CheckResult, writeResults } from './results.ts';

export interface Recorded extends CheckResult {
  /** The key of the event that takes over a product that failed; undefined where the failure has an event already. */
  becomes?: string | undefined;
}

const BATCH_PRIORITY = 4;

/** Resolves to how many prices have changed. The caller's transaction makes it all or nothing. */
export async function recordChecks(database: Database, results: readonly Recorded[]): Promise<number> {
  const changes = await writeResults(database, results);
  await findDeals(database, changes);
  const events = [
    // The first price of a product is no change.
    ...changes
      .filter(({ from }) => from !== null)
      .map(({ product, shop, from, to, currency, at }) => ({
        type: 'price.changed',
        payload: { product, shop, from, to, currency, at: at.toISOString() },
        source: 'price',
      })),
    ...results
      .filter(({ error, becomes }) => error && becomes !== undefined)
      .map(({ product, becomes }) => ({
        type: 'price.check',
        payload: { product },
        key: becomes as string,
        priority: BATCH_PRIORITY,
        source: 'price',
      })),
  ];
  const traceContext = currentContext();
  const traced = events.map((event) => ({ ...event, traceContext }));
  if (events.length > 0) await acceptEvents(asQueryable(database), traced);
  return changes.length;
}
