// Temporal is killed over nominal times, and comes back without its database: the ledger fires meanwhile, each time is one
// event, and the schedule is in Temporal again without anybody's help.

import { expect, test } from 'vitest';
import { atEnd } from '../support/at-end.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { startTem } from '../support/processes.ts';
import { ownTemporal } from '../support/servers.ts';
import { waitFor } from '../support/wait.ts';

const EVERY_MS = 4_000;
const PATIENCE_MS = 120_000;
const TEST_TIMEOUT_MS = 300_000;

test(
  'a Temporal that is killed and loses its database costs no nominal time, and gets its schedules back',
  async () => {
    const [{ databaseUrl, pool }, temporal] = await Promise.all([createDatabase(), ownTemporal()]);
    const settings = { TEM_RECONCILE_EVERY: '5s' };
    const worker = startTem(['worker'], testEnvironment({ databaseUrl }, temporal, settings));
    atEnd(async () => void (await worker.stop()));
    await worker.ready();
    await pool.query(
      `insert into tem.schedule (id, every, time_zone, type, payload, overlap)
       values ('tick', '4 seconds', 'UTC', 'notification', '{"user": "ada", "title": "tick", "body": ""}', 'allowAll')`,
    );
    const firedBy = async (who: string, after = 0): Promise<number[]> => {
      const { rows } = await pool.query<{ at: Date }>(
        `select at from tem.schedule_run where schedule_id = 'tick' and fired_by = $1 and at > $2 order by at`,
        [who, new Date(after)],
      );
      return rows.map(({ at }) => at.getTime());
    };
    await waitFor(async () => (await firedBy('temporal')).length >= 2, PATIENCE_MS);
    await temporal.kill();
    temporal.loseDatabase();
    const killedAt = Date.now();
    await waitFor(async () => (await firedBy('ledger', killedAt)).length >= 2, PATIENCE_MS);
    await temporal.start();
    const backAt = Date.now();
    await waitFor(() => temporal.client.schedule.getHandle('tick').describe(), PATIENCE_MS);
    await waitFor(async () => (await firedBy('temporal', backAt)).length >= 2, PATIENCE_MS);
    const { rows } = await pool.query<{ at: Date; outcome: string; keys: number }>(
      `select r.at, r.outcome, (select count(*)::int from tem.event e where e.id = r.event_id) as keys
       from tem.schedule_run r join tem.schedule_state st using (schedule_id)
       where schedule_id = 'tick' and r.at <= st.accounted_until order by r.at`,
    );
    expect(rows.every(({ outcome, keys }) => outcome === 'fired' && keys === 1)).toBe(true);
    const times = rows.map(({ at }) => at.getTime());
    expect(times.every((at, index) => index === 0 || at - (times[index - 1] as number) === EVERY_MS)).toBe(true);
    const { rows: events } = await pool.query<{ count: number; keys: number }>(
      `select count(*)::int as count, count(distinct key)::int as keys from tem.event where key like 'schedule/tick/%'`,
    );
    expect(events[0]?.count).toBe(events[0]?.keys);
  },
  TEST_TIMEOUT_MS,
);
