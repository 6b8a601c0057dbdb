// What an operator should look at, in a few bounded statements: what is paused, missed, stuck, and how much failed lately.

import type { Pool } from 'pg';
import { listFailures } from './failures.ts';

/** A count that stops at a bound. */
export interface BoundedCount {
  count: number;
  /** false: so many at least. */
  isExact: boolean;
}

export interface Attention {
  /** Events that are FAILED or EXTINCT now and failed within the last hour. */
  failedLastHour: BoundedCount;
  /** Flows that are paused, `type` or `type/group`, not more than a page of them. */
  pausedFlows: string[];
  pausedSchedules: BoundedCount;
  /** Nominal times of schedules that were missed within the last day. */
  missedLastDay: BoundedCount;
  /** Events whose worker or run has been silent for longer than a minute past its time. */
  stuck: BoundedCount;
}

const PAUSED_FLOWS_MAX = 20;
const COUNTED_MAX = 1_000;
const COUNTS = `
  select now() - interval '1 hour' as "hourAgo",
    (select count(*) from (select from tem.schedule where paused limit ${COUNTED_MAX + 1}) counted)::int as schedules,
    (select count(*) from (select from tem.schedule_run where outcome = 'missed' and at > now() - interval '1 day'
      limit ${COUNTED_MAX + 1}) counted)::int as missed,
    (select count(*) from (select from tem.event where due_by < now() - interval '1 minute'
      limit ${COUNTED_MAX + 1}) counted)::int as stuck`;

export async function readAttention(pool: Pool): Promise<Attention> {
  const flows = await pool.query<{ name: string }>(
    `select type || case when "group" = '' then '' else '/' || "group" end as name from tem.flow
      where paused order by type, "group" limit ${PAUSED_FLOWS_MAX}`,
  );
  const { rows } = await pool.query<Record<'schedules' | 'missed' | 'stuck', number> & { hourAgo: Date }>(COUNTS);
  const { groups, complete } = await listFailures(pool, { ...(rows[0] && { from: rows[0].hourAgo }) });
  const bounded = (count = 0): BoundedCount => ({
    count: Math.min(count, COUNTED_MAX),
    isExact: count <= COUNTED_MAX,
  });
  return {
    failedLastHour: {
      count: groups.reduce((sum, { count }) => sum + count, 0),
      isExact: complete && groups.every(({ countIsExact }) => countIsExact),
    },
    pausedFlows: flows.rows.map(({ name }) => name),
    pausedSchedules: bounded(rows[0]?.schedules),
    missedLastDay: bounded(rows[0]?.missed),
    stuck: bounded(rows[0]?.stuck),
  };
}
