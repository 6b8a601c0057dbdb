// p50 and p99 of some times.

import { percentile } from '../figures.ts';

export interface Spread99 {
  p50: number;
  p99: number;
}

export function spread99(values: readonly number[]): Spread99 {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}
