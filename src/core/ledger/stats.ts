// Figures over the whole ledger. They cost one pass over it, so they are kept for a while: at least a second, and longer
// the longer the pass took, so that however often somebody asks, it never takes more than a small share of Postgres.

import type { Pool } from 'pg';
import type { EventState } from './states.ts';

export type StateCounts = Record<EventState, number>;

export interface Stats {
  /** When the figures were read, RFC 3339. */
  at: string;
  states: StateCounts;
  types: Record<string, StateCounts>;
  rates: {
    /** Over the last minute. */
    acceptedPerSecond: number;
    processedPerSecond: number;
  };
  oldest: {
    /** The age of the unfinished event that has been due for longest, in ms; null when none is due. */
    dueAgeMs: number | null;
  };
  workers: { alive: number; stopping: number };
}

export interface StatsReader {
  /** Figures that are about a second old, more on a large ledger. */
  read(): Promise<Stats>;
}

const FRESH_FOR_MS = 1_000;
/** The pass may take one part in this many of the time. */
const TIME_SHARE = 20;
const RATE_WINDOW_S = 60;
// Beyond the session's statement_timeout: only a connection that went silent takes longer.
const PASS_WITHIN_MS = 35_000;

const BY_TYPE = `
  select type, state, count(*)::float8 as count,
    count(*) filter (where created_at > now() - interval '${RATE_WINDOW_S} s')::float8 as accepted,
    count(*) filter (where state = 'PROCESSED' and processed_at > now() - interval '${RATE_WINDOW_S} s')::float8 as processed,
    extract(epoch from now() - min(greatest(run_at, created_at)) filter (
      where state = 'QUEUED' and run_at <= now() or state = 'PROCESSING'
        or state = 'FAILED' and coalesce(next_retry_at, now()) <= now()))::float8 * 1000 as "dueAgeMs"
  from tem.event group by type, state`;
const WORKERS = `
  select count(*) filter (where not stopping)::int as alive, count(*) filter (where stopping)::int as stopping
  from tem.worker where lease_until > clock_timestamp()`;

export function createStatsReader(pool: Pool): StatsReader {
  // Spread, because the types of pg know this option for a client only.
  const pass = { text: BY_TYPE, ...{ query_timeout: PASS_WITHIN_MS } };
  let kept: Stats | undefined;
  let keptUntil = 0;
  let reading: Promise<Stats> | undefined;
  const read = async (): Promise<Stats> => {
    const startedAt = performance.now();
    const [events, workers] = await Promise.all([pool.query<TypeRow>(pass), pool.query<Stats['workers']>(WORKERS)]);
    const tookMs = performance.now() - startedAt;
    kept = summarize(events.rows, workers.rows[0] ?? { alive: 0, stopping: 0 });
    keptUntil = performance.now() + Math.max(FRESH_FOR_MS, tookMs * TIME_SHARE);
    return kept;
  };
  return {
    async read() {
      if (kept && performance.now() < keptUntil) return kept;
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

interface TypeRow {
  type: string;
  state: EventState;
  count: number;
  accepted: number;
  processed: number;
  dueAgeMs: number | null;
}

const none = (): StateCounts => ({ QUEUED: 0, PROCESSING: 0, PROCESSED: 0, FAILED: 0, EXTINCT: 0, CANCELLED: 0 });

function summarize(rows: TypeRow[], workers: Stats['workers']): Stats {
  const states = none();
  const types = new Map<string, StateCounts>();
  let accepted = 0;
  let processed = 0;
  let dueAgeMs: number | null = null;
  for (const row of rows) {
    states[row.state] += row.count;
    const ofType = types.get(row.type) ?? none();
    ofType[row.state] += row.count;
    types.set(row.type, ofType);
    accepted += row.accepted;
    processed += row.processed;
    if (row.dueAgeMs !== null) dueAgeMs = Math.max(dueAgeMs ?? 0, Math.round(row.dueAgeMs));
  }
  return {
    at: new Date().toISOString(),
    states,
    types: Object.fromEntries(types),
    rates: { acceptedPerSecond: perSecond(accepted), processedPerSecond: perSecond(processed) },
    oldest: { dueAgeMs },
    workers,
  };
}

function perSecond(count: number): number {
  return Math.round((count / RATE_WINDOW_S) * 100) / 100;
}
