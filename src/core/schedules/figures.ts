// The figures of schedules for Prometheus: how many there are, what became of their times, how late they were, and what is
// wrong. Read at a scrape, by one statement over the rows and one over the last runs.

import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';

/** How long a run counts as one of the last. */
const LATELY_MINUTES = 10;
const LATELY_RUNS_MAX = 10_000;
/** The ledger looks 15 s after a time and every 2 s; what is due for longer nobody looks at. */
export const OVERDUE_AFTER_S = 60;

interface Figures {
  active: number;
  paused: number;
  fired: number;
  skipped: number;
  missed: number;
  pausedTimes: number;
  drifting: number;
  unreadable: number;
  unwritten: number;
  overdueSeconds: number;
}

export async function scheduleFigures(pool: Pick<Pool, 'query'>): Promise<Figures> {
  const { rows } = await pool.query<Figures>({
    name: 'schedule-figures',
    text: `
      select count(*) filter (where not s.paused)::int as active, count(*) filter (where s.paused)::int as paused,
        coalesce(sum(st.fired), 0)::float8 as fired, coalesce(sum(st.skipped), 0)::float8 as skipped,
        coalesce(sum(st.missed), 0)::float8 as missed, coalesce(sum(st.paused), 0)::float8 as "pausedTimes",
        count(st.drift)::int as drifting, count(st.problem)::int as unreadable,
        count(*) filter (where st.synced_revision is distinct from st.revision
          and s.updated_at < clock_timestamp() - interval '1 minute')::int as unwritten,
        coalesce(greatest(0, extract(epoch from clock_timestamp() - min(st.look_at))), 0)::float8 as "overdueSeconds"
      from tem.schedule s join tem.schedule_state st on st.schedule_id = s.id`,
  });
  return rows[0] as Figures;
}

/** Seconds by quantile, of the runs that a person didn't ask for; none when there were none. */
async function lateness(pool: Pick<Pool, 'query'>): Promise<[string, number][]> {
  const { rows } = await pool.query<{ late: number[] | null }>({
    name: 'schedule-lateness',
    text: `
      select percentile_disc('{0.5,0.99,1}'::float8[]) within group (order by late)::float8[] as late from (
        select extract(epoch from started_at - at)::float8 as late from tem.schedule_run
        where at > clock_timestamp() - $1 * interval '1 minute' and outcome = 'fired' and fired_by in ('temporal', 'ledger')
        order by at desc limit $2) r`,
    values: [LATELY_MINUTES, LATELY_RUNS_MAX],
  });
  return (rows[0]?.late ?? []).map((seconds, index) => [['0.5', '0.99', '1'][index] as string, Math.max(0, seconds)]);
}

/** `pool` is asked once at each scrape. */
export function registerScheduleFigures(registry: Registry, pool: Pool): void {
  type All = Figures & { late: [string, number][] };
  let reading: Promise<All> | undefined;
  const readAll = async (): Promise<All> => {
    const [figures, late] = await Promise.all([scheduleFigures(pool), lateness(pool)]);
    return { ...figures, late };
  };
  const read = (): Promise<All> => {
    reading ??= readAll().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const gauge = (name: string, help: string, labelNames: string[], set: (own: Gauge, all: All) => void): Gauge =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        set(this, await read());
      },
    });
  gauge('tem_schedules', 'Schedules.', ['state'], (own, { active, paused }) => {
    own.set({ state: 'active' }, active);
    own.set({ state: 'paused' }, paused);
  });
  gauge('tem_schedule_times', 'Nominal times so far, by what became of them.', ['outcome'], (own, all) => {
    const { fired, skipped, missed, pausedTimes } = all;
    for (const [outcome, count] of Object.entries({ fired, skipped, missed, paused: pausedTimes }))
      own.set({ outcome }, count);
  });
  gauge('tem_schedules_drifting', "Schedules that can't be written to Temporal.", [], (own, all) =>
    own.set(all.drifting),
  );
  gauge('tem_schedules_unreadable', "Schedules whose row can't be read: they don't fire.", [], (own, all) =>
    own.set(all.unreadable),
  );
  gauge('tem_schedules_unwritten', 'Changes that Temporal was not given within a minute.', [], (own, all) =>
    own.set(all.unwritten),
  );
  gauge('tem_schedule_overdue_seconds', 'How far the look of the ledger is behind.', [], (own, all) =>
    own.set(all.overdueSeconds),
  );
  const over = `From nominal time to event, over the last ${LATELY_MINUTES} minutes.`;
  gauge('tem_schedule_lateness_seconds', over, ['quantile'], (own, { late }) => {
    own.reset();
    for (const [quantile, seconds] of late) own.set({ quantile }, seconds);
  });
}
