// A ledger with one schedule a test, and the questions that the tests of firing ask.

import { beforeAll, beforeEach, expect } from 'vitest';
import { dueSchedules, lookAt } from '../../../src/core/schedules/look.ts';
import { getSchedule } from '../../../src/core/schedules/store.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

export const MINUTE_MS = 60_000;

/** To be called at the top of a file. */
export function useLedger() {
  let pool: TestDatabase['pool'];
  let id = '';
  let made = 0;
  beforeAll(async () => {
    ({ pool } = await createDatabase());
  });
  beforeEach(() => {
    made += 1;
    id = `test-${made}`;
  });

  const lookUntilDone = async (): Promise<void> => {
    for (let look = 0; look < 20 && (await dueSchedules(pool)).some((due) => due.id === id); look += 1)
      await lookAt(pool, [id]);
  };
  return {
    get pool() {
      return pool;
    },
    get id() {
      return id;
    },
    /** A schedule that counts since `ageMs` ago, as if nothing had looked since then. */
    async create(given: Record<string, unknown> = {}, ageMs = 0): Promise<void> {
      const row = {
        id,
        every: '1 minute',
        time_zone: 'UTC',
        type: 'note',
        payload: { text: '{{nominalTime}}' },
        overlap: 'allowAll',
        ...given,
      };
      const places = Object.keys(row).map((_, index) => `$${index + 1}`);
      await pool.query(
        `insert into tem.schedule (${Object.keys(row).join(', ')}) values (${places.join(', ')})`,
        Object.values(row),
      );
      await pool.query(
        `update tem.schedule_state set effective_from = effective_from - $2 * interval '1 ms',
           accounted_until = accounted_until - $2 * interval '1 ms' where schedule_id = $1`,
        [id, ageMs],
      );
      await lookUntilDone();
    },
    async counts() {
      const row = await getSchedule(pool, id);
      const { rows } = await pool.query<{ outcome: string; sum: number }>(
        `select outcome, sum(count)::int as sum from tem.schedule_run where schedule_id = $1 and slot = '' group by outcome`,
        [id],
      );
      const listed = Object.fromEntries(rows.map(({ outcome, sum }) => [outcome, sum]));
      const { fired, skipped, missed, pausedTimes } = row ?? { fired: 0, skipped: 0, missed: 0, pausedTimes: 0 };
      // The counters are the sums of what is listed.
      expect({ fired, skipped, missed, paused: pausedTimes }).toEqual({
        fired: listed.fired ?? 0,
        skipped: listed.overlap ?? 0,
        missed: listed.missed ?? 0,
        paused: listed.paused ?? 0,
      });
      return { fired, skipped, missed, paused: pausedTimes };
    },
    async events(): Promise<{ key: string; state: string }[]> {
      const { rows } = await pool.query<{ key: string; state: string }>(
        'select key, state from tem.event where key like $1 order by key',
        [`schedule/${id}/%`],
      );
      return rows;
    },
    async endEvents(): Promise<void> {
      await pool.query(
        `update tem.event set state = 'PROCESSED', due_at = null, due_by = null where key like $1 and state = 'QUEUED'`,
        [`schedule/${id}/%`],
      );
    },
    /** The first nominal time that isn't accounted for. */
    async nextAt(): Promise<number> {
      return (await getSchedule(pool, id))?.nextAt?.getTime() as number;
    },
  };
}
