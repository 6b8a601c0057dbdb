// Waiting for conditions, so that no test sleeps.

import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * Resolves to the first truthy value of `condition`, asked every 20 ms. Throws after `timeoutMs` (30 s by default) with
 * the last value or error, so that a failure says what was seen.
 */
export async function waitFor<Value>(
  condition: () => Promise<Value> | Value,
  timeoutMs = 30_000,
): Promise<Exclude<Value, false | 0 | '' | null | undefined>> {
  const giveUpAt = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as Exclude<Value, false | 0 | '' | null | undefined>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > giveUpAt) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not true within ${timeoutMs} ms: ${condition}; last: ${seen}`, { cause: last });
    }
    await delay(POLL_MS);
  }
}
