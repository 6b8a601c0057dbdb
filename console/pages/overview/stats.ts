// GET /v1/stats.

export const STATES = ['QUEUED', 'PROCESSING', 'PROCESSED', 'FAILED', 'EXTINCT', 'CANCELLED'] as const;
export type State = (typeof STATES)[number];
export type StateCounts = Record<State, number>;

export interface Stats {
  at: string;
  states: StateCounts;
  types: Record<string, StateCounts>;
  /** Which counts are estimates. */
  estimated: Record<string, State[]>;
  rates: { acceptedPerSecond: number; processedPerSecond: number };
  oldest: { dueAgeMs: number | null };
  workers: { alive: number; stopping: number };
}
