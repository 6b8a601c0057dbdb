// What a benchmark case is and what it yields. Every run of a case gives one number for each of its figures; targets are
// judged on the median.

import type { BenchContext } from './context.ts';

export interface Figure {
  id: string;
  label: string;
  unit: string;
  /** What the median has to reach; absent for numbers that only stand beside others. */
  target?: { atLeast?: number; atMost?: number };
  /** Why there is no number, or how the target reads in words. */
  remark?: string;
}

export interface CaseOutcome {
  /** By id of the figure. */
  figures: Record<string, number>;
  /** What stands beside the figures: counts of workflows, shares, processor time. */
  notes: Record<string, string | number>;
  /** Longer texts, such as a query plan, by title. */
  texts?: Record<string, string>;
}

export interface BenchCase {
  id: string;
  title: string;
  /** How it is measured, in one or two sentences. */
  about: string;
  /** For cases of minutes: how often they run unless --runs says otherwise. */
  runsByDefault?: number;
  figures: readonly Figure[];
  run(context: BenchContext): Promise<CaseOutcome>;
}

export interface Spread {
  minimum: number;
  median: number;
  maximum: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return { minimum: sorted[0] ?? Number.NaN, median: (lower + upper) / 2, maximum: sorted.at(-1) ?? Number.NaN };
}

/** The value below which `share` (0 to 1) of the values lie, by nearest rank; NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Whether a median reaches the target; undefined without one. */
export function reaches(figure: Figure, median: number): boolean | undefined {
  const { atLeast, atMost } = figure.target ?? {};
  if (atLeast === undefined && atMost === undefined) return undefined;
  return (atLeast === undefined || median >= atLeast) && (atMost === undefined || median <= atMost);
}

/** A number with as many digits as it deserves, and thousands separated. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: 0, maximumFractionDigits: digits });
}
