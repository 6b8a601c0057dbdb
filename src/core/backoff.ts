// The wait after a failed attempt: exponential, capped, spread by jitter so that events that failed together don't
// come back together. Temporal's own policy has no jitter, so this number goes to Temporal and to the ledger alike.

import type { RetryMs } from './event-type.ts';

/** Milliseconds to wait after the `failures`-th failure (1 or more). `random` is in [0, 1). */
export function backoffMs(
  retry: Omit<RetryMs, 'maxAttempts'>,
  failures: number,
  random: number = Math.random(),
): number {
  // 2 ** 1023 is the largest finite power; the cap makes anything near it irrelevant.
  const exponential = Math.min(retry.capMs, retry.baseMs * 2 ** Math.min(failures - 1, 1_000));
  const spread = 1 - retry.jitter + 2 * retry.jitter * random;
  return Math.round(Math.min(retry.capMs, exponential * spread));
}
