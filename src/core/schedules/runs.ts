// The runs of a schedule: every nominal time with what became of it, newest first.

import type { Pool } from 'pg';
import { instant } from '../ledger/present.ts';

export interface RunJson {
  /** The nominal time, or when a person triggered it. */
  at: string | null;
  startedAt: string | null;
  latenessMs: number | null;
  event: string | null;
  /** Of the event. */
  state: string | null;
  firedBy: string | null;
  skipped?: 'overlap' | 'missed' | 'paused';
  /** Waits for the firing before it to end. */
  waiting?: true;
  /** The wall clock's time didn't exist: it is the first instant after the gap. */
  moved?: true;
  /** Stands for `count` times from `at` to `until`. */
  until?: string | null;
  count?: number;
}

interface RunRow {
  at: Date;
  slot: string;
  outcome: string;
  startedAt: Date | null;
  event: string | null;
  state: string | null;
  firedBy: string | null;
  moved: boolean;
  until: Date | null;
  count: number;
}

export interface RunsPage {
  runs: RunJson[];
  /** Of the last row, when more follow. */
  next: { at: Date; slot: string } | undefined;
}

export async function listRuns(
  pool: Pool,
  id: string,
  filter: { from?: Date; to?: Date },
  limit: number,
  after: { at: Date; slot: string } | undefined,
): Promise<RunsPage> {
  const { rows } = await pool.query<RunRow>(
    `select r.at, r.slot, r.outcome, r.started_at as "startedAt", r.event_id as event, e.state, r.fired_by as "firedBy", r.moved,
       r.until, r.count::float8 as count
     from tem.schedule_run r left join tem.event e on e.id = r.event_id
     where r.schedule_id = $1 and ($2::timestamptz is null or (r.at, r.slot) < ($2, $3))
       and ($4::timestamptz is null or r.at >= $4) and ($5::timestamptz is null or r.at < $5)
     order by r.at desc, r.slot desc limit $6`,
    [id, after?.at ?? null, after?.slot ?? null, filter.from ?? null, filter.to ?? null, limit + 1],
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    runs: page.map(presentRun),
    next: rows.length > limit && last ? { at: last.at, slot: last.slot } : undefined,
  };
}

export function presentRun(row: Omit<RunRow, 'moved' | 'until' | 'count'> & Partial<RunRow>): RunJson {
  const { outcome, startedAt } = row;
  const skipped = outcome === 'overlap' || outcome === 'missed' || outcome === 'paused' ? outcome : undefined;
  return {
    at: instant(row.at),
    startedAt: instant(startedAt),
    latenessMs: startedAt ? Math.max(0, startedAt.getTime() - row.at.getTime()) : null,
    event: row.event,
    state: row.state,
    firedBy: row.firedBy,
    ...(skipped && { skipped }),
    ...(outcome === 'buffered' && { waiting: true as const }),
    ...(row.moved && { moved: true as const }),
    ...(row.until && { until: instant(row.until), count: row.count ?? 1 }),
  };
}
