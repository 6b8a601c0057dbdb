// How urgent a product is, and how often it is checked. The formula's weights and the tiers are rows in the ledger; the
// same arithmetic is in SQL for sets (store/priority-sql.ts), and a test holds the two together.

export interface Weights {
  activeDeal: number;
  volatility: number;
  popularity: number;
  recency: number;
}

export interface Scores {
  activeDeal: boolean;
  /** 0 to 100 each. */
  volatility: number;
  popularity: number;
  recency: number;
}

/** Points that add up to the priority. */
export type PriorityParts = Record<keyof Weights, number>;

export interface Tier {
  tier: string;
  /** The lowest priority that belongs to it. */
  minPriority: number;
  everyMs: number;
}

export const TIER_NAMES = ['hourly', '3h', '6h', '12h', 'daily'] as const;
export const WEIGHTS_DEFAULT: Weights = { activeDeal: 50, volatility: 0.3, popularity: 0.15, recency: 0.05 };
/** A coefficient of variation of a fifth over 30 days is as volatile as can be. */
export const VOLATILITY_PER_VARIATION = 500;
/** Not having been looked at for a day is as long ago as can be. */
export const RECENCY_FULL_HOURS = 24;
/** A sweep that begins a little early must still find what the last one has checked. */
export const SLACK_PART = 0.1;
export const SLACK_MAX_MS = 15 * 60_000;

export function priorityParts(scores: Scores, weights: Weights): PriorityParts {
  return {
    activeDeal: scores.activeDeal ? weights.activeDeal : 0,
    volatility: points(scores.volatility * weights.volatility),
    popularity: points(scores.popularity * weights.popularity),
    recency: points(scores.recency * weights.recency),
  };
}

export function priorityOf(parts: PriorityParts): number {
  return points(parts.activeDeal + parts.volatility + parts.popularity + parts.recency);
}

/** The coefficient of variation (standard deviation by mean) of the last 30 days' prices, scaled, 100 at most. */
export function volatilityScore(prices: readonly number[]): number {
  if (prices.length < 2) return 0;
  const mean = prices.reduce((sum, price) => sum + price, 0) / prices.length;
  const variance = prices.reduce((sum, price) => sum + (price - mean) ** 2, 0) / prices.length;
  return Math.min(100, points((Math.sqrt(variance) / mean) * VOLATILITY_PER_VARIATION));
}

/** By the time since the last check; never checked is the most. */
export function recencyScore(sinceMs: number | undefined): number {
  if (sinceMs === undefined) return 100;
  return points(Math.min(100, (Math.max(0, sinceMs) / (RECENCY_FULL_HOURS * 3_600_000)) * 100));
}

/** The tier of a priority; an active deal belongs to the first tier whatever its priority. `tiers` by falling priority. */
export function tierOf(priority: number, activeDeal: boolean, tiers: readonly Tier[]): Tier | undefined {
  return activeDeal ? tiers[0] : (tiers.find(({ minPriority }) => priority >= minPriority) ?? tiers.at(-1));
}

/** Four digits, as the ledger keeps them. */
function points(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
