// The time that a stopping worker gives its attempts, and the limits that keep its end from taking longer: what couldn't be
// reported to a Temporal that is away is in the ledger, and that counts.

import type { WorkerPart } from './parts.ts';

/** Time for handing back after the grace time. */
export const HAND_BACK_MS = 5_000;

/** Calls `over` when the grace time is over, and gives up parts that haven't stopped by their limit. Returns its end. */
export function startGrace(graceMs: number, parts: readonly WorkerPart[], over: () => void): () => void {
  const timers = [setTimeout(over, graceMs)];
  for (const part of parts) {
    const limitMs = part.stopsWithin === 'grace' ? graceMs : graceMs + 2 * HAND_BACK_MS;
    timers.push(setTimeout(part.giveUp, limitMs));
  }
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}
