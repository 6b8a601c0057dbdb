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

export interface BoundedCount {
  count: number;
  /** false: so many at least. */
  isExact: boolean;
}

/** What an operator should look at. */
export interface Attention {
  failedLastHour: BoundedCount;
  pausedFlows: string[];
  pausedSchedules: BoundedCount;
  missedLastDay: BoundedCount;
  stuck: BoundedCount;
  incidents: Incident[];
}

/** What is wrong now, as GET /v1/alerts has it. */
export interface Incident {
  id: string;
  kind: string;
  subject: string;
  detail: string;
  advice: string;
  samples: string[];
  beganAt: string;
}

/** What /console/live sends. */
export interface Sample {
  at: string;
  stats: Stats;
  attention: Attention;
}
