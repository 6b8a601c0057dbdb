// What a rate means: instants so far apart that no sliding window of its period ever holds more than the limit, however
// late within their allowance calls go. Pure, and the same for events and for a feature's own calls.

export type RatePer = 'second' | 'minute';

export interface Rate {
  limit: number;
  per: RatePer;
}

export interface Flow {
  paused: boolean;
  /** Attempts, or calls, under way at once; null for no bound. */
  maxInFlight: number | null;
  rate: Rate | null;
}

export const PERIOD_MS: Record<RatePer, number> = { second: 1_000, minute: 60_000 };
/** A call never goes at its instant exactly: so late it may go. */
const LATE_MS: Record<RatePer, number> = { second: 40, minute: 900 };
/** What the way from there to its target may add, with what a busy machine does to it. */
const WAY_MS: Record<RatePer, number> = { second: 120, minute: 900 };
/** By so much the instants of a period are stretched. */
export const SLACK_MS: Record<RatePer, number> = {
  second: LATE_MS.second + WAY_MS.second,
  minute: LATE_MS.minute + WAY_MS.minute,
};
/** A worker reserves at most as many instants as lie in this, so that it wastes no more when it dies. */
export const STRETCH_MS = 800;
export const LIMIT_MAX = 1_000_000;

/** Between two instants, in milliseconds. */
export function spacingMs({ limit, per }: Rate): number {
  return (PERIOD_MS[per] + SLACK_MS[per]) / limit;
}

/** An instant that is older than this is lost: a call that went so late could meet too many others in a window. */
export function lateMaxMs({ per }: Rate): number {
  return LATE_MS[per];
}

/**
 * How many instants a call of this cost takes. It goes at the middle one: `cost` of them with its own lie behind it and
 * `cost - 1` before it, so that no window holds more than the limit, whatever its neighbours cost. A call that costs more
 * than the limit counts as the limit.
 */
export function instantsOf(cost: number, { limit }: Rate): { count: number; before: number } {
  const counted = Math.min(cost, limit);
  return { count: 2 * counted - 1, before: counted - 1 };
}
