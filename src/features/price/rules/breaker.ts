// When a shop is left alone: at once where it says so (429, or Retry-After), after five failures in a row otherwise. It is
// closed again by one request that goes well, the probe; until then each opening lasts twice as long.

import { RETRY_AFTER_MAX_MS, retryAfterMs } from '../../../core/outbound/retry-after.ts';

export interface Breaker {
  state: 'closed' | 'open';
  /** Failures in a row. */
  failures: number;
  /** Openings in a row. */
  opens: number;
}

/** How a request to a shop went, as far as the shop as a whole is concerned. */
export type ShopOutcome =
  | { kind: 'well' }
  /** `retryAfter`: the header, if there was one. */
  | { kind: 'limited'; status: number; retryAfter: string | undefined }
  | { kind: 'failing'; why: string };

export type BreakerStep = { step: 'close' } | { step: 'count' } | { step: 'open'; forMs: number; reason: string };

export const CLOSED: Breaker = { state: 'closed', failures: 0, opens: 0 };

const FAILURES_MAX = 5;
const OPEN_FIRST_MS = 60_000;
const OPEN_MAX_MS = 3_600_000;
const JITTER = 0.2;

/** What an outcome does to a shop's breaker. `random` is from 0 to 1. */
export function breakerStep(breaker: Breaker, outcome: ShopOutcome, nowMs: number, random: number): BreakerStep {
  if (outcome.kind === 'well') return { step: 'close' };
  const backoffMs = Math.round(
    Math.min(OPEN_MAX_MS, OPEN_FIRST_MS * 2 ** Math.min(breaker.opens, 10) * (1 + JITTER * random)),
  );
  if (outcome.kind === 'limited') {
    const asked = retryAfterMs(outcome.retryAfter, nowMs);
    const name = `HTTP ${outcome.status}`;
    if (asked === undefined) return { step: 'open', forMs: backoffMs, reason: `${name} without a usable Retry-After` };
    const capped = asked === RETRY_AFTER_MAX_MS ? '; that is cut to 24 h' : '';
    return { step: 'open', forMs: asked, reason: `${name}, Retry-After: ${outcome.retryAfter?.slice(0, 60)}${capped}` };
  }
  // The probe of an open one failed, or one failure too many.
  if (breaker.state === 'open' || breaker.failures + 1 >= FAILURES_MAX)
    return { step: 'open', forMs: backoffMs, reason: outcome.why };
  return { step: 'count' };
}
