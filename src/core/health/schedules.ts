// What is wrong with schedules, in words: missed and late times, rows that can't be read or written to Temporal, and a look
// that nobody takes. Nothing of it keeps events from being accepted and run.

import type { Pool } from 'pg';
import { OVERDUE_AFTER_S, scheduleFigures } from '../schedules/figures.ts';
import type { Finding } from './finding.ts';

const NAMED_MAX = 3;
const LATE_S = 60;

interface Named {
  what: 'missed' | 'late' | 'drift' | 'problem';
  count: number;
  named: string[];
}

// The condition of the index schedule_run_trouble, which has few rows.
const TROUBLE = `outcome = 'missed' or started_at - at > interval '${LATE_S} seconds'`;
const FOUND = `
  with lately as materialized (
    select schedule_id, outcome, count, outcome = 'fired' and fired_by in ('temporal', 'ledger') as late
    from tem.schedule_run where at > clock_timestamp() - interval '1 day' and (${TROUBLE})
  )
  select what, sum(count)::float8 as count, (array_agg(distinct id))[1:$1] as named from (
    select 'missed' as what, schedule_id as id, count from lately where outcome = 'missed'
    union all select 'late', schedule_id, 1 from lately where late
    union all select 'drift', schedule_id || ' (' || left(drift, 200) || ')', 1 from tem.schedule_state where drift is not null
    union all select 'problem', schedule_id || ' (' || left(problem, 200) || ')', 1 from tem.schedule_state where problem is not null
  ) f group by what`;

/** Rejects when the ledger can't be read. */
export async function checkSchedules(pool: Pool): Promise<Finding> {
  const [figures, { rows }] = await Promise.all([scheduleFigures(pool), pool.query<Named>(FOUND, [NAMED_MAX])]);
  const say = (what: Named['what'], words: (count: number, names: string) => string): string[] =>
    rows.filter((row) => row.what === what).map(({ count, named }) => words(count, named.join(', ')));
  const wrong = [
    ...say('problem', (count, names) => `${count} can't be read and do not fire: ${names}`),
    ...say(
      'drift',
      (count, names) => `${count} can't be written to Temporal, the ledger fires them 15 s late: ${names}`,
    ),
    ...(figures.unwritten > 0
      ? [`${figures.unwritten} have changed and Temporal was not given that within a minute`]
      : []),
    ...(figures.overdueSeconds > OVERDUE_AFTER_S
      ? [`the ledger's look is ${Math.round(figures.overdueSeconds)} s behind: does a worker run?`]
      : []),
    ...say(
      'missed',
      (count, names) =>
        `${count} times of the last day were missed (${names}): see tem schedules show, and make up for them with tem schedules backfill`,
    ),
    ...say('late', (count, names) => `${count} firings of the last day were more than ${LATE_S} s late (${names})`),
  ];
  const { active, paused } = figures;
  return wrong.length === 0
    ? { name: 'schedules', ok: true, detail: `${active} active, ${paused} paused` }
    : { name: 'schedules', ok: false, detail: `schedules: ${wrong.join('; ')}`, isWarning: true };
}
