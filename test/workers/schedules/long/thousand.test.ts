// A thousand schedules due in the same second, through a real Temporal with its limit as it is: each fires once, and the
// ledger takes over what Temporal can't start in time. And the hundred changes of case S8, read with the CLI after each.

import { execFileSync } from 'node:child_process';
import { expect, inject, test } from 'vitest';
import { atEnd } from '../../../support/at-end.ts';
import { createDatabase } from '../../../support/database.ts';
import { testEnvironment } from '../../../support/environment.ts';
import { startTem } from '../../../support/processes.ts';
import { createNamespace } from '../../../support/temporal.ts';
import { waitFor } from '../../../support/wait.ts';

const COUNT = 1_000;
const AHEAD_MS = 180_000;
const PATIENCE_MS = 300_000;
const LATE_MAX_MS = 20_000;

async function setup() {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const worker = startTem(['worker'], testEnvironment(database, temporal));
  atEnd(async () => void (await worker.stop()));
  await worker.ready();
  return { pool: database.pool, temporal };
}

test('a thousand schedules of one second are a thousand events, p99 less than 20 s late', async () => {
  const { pool } = await setup();
  const due = new Date(Math.ceil((Date.now() + AHEAD_MS) / 60_000) * 60_000);
  await pool.query(
    `insert into tem.schedule (id, cron, time_zone, type, payload)
     select 'many-' || n, $1, 'UTC', 'notification', '{"user": "ada", "title": "tick", "body": ""}' from generate_series(1, $2::int) n`,
    [`${due.getUTCMinutes()} ${due.getUTCHours()} * * *`, COUNT],
  );
  await waitFor(async () => {
    const { rows } = await pool.query(
      'select count(*)::int as left from tem.schedule_state where synced_revision is distinct from revision',
    );
    return rows[0].left === 0;
  }, PATIENCE_MS);
  expect(Date.now()).toBeLessThan(due.getTime());
  const fired = async (): Promise<{ late: number; firedBy: string }[]> => {
    const { rows } = await pool.query(
      `select extract(epoch from started_at - at)::float8 * 1000 as late, fired_by as "firedBy" from tem.schedule_run
       where at = $1 and outcome = 'fired' order by 1`,
      [due],
    );
    return rows;
  };
  await waitFor(async () => (await fired()).length === COUNT, PATIENCE_MS);
  const found = await fired();
  const p99 = found[Math.ceil(COUNT * 0.99) - 1]?.late ?? Number.NaN;
  const byLedger = found.filter(({ firedBy }) => firedBy === 'ledger').length;
  const { rows } = await pool.query(
    `select count(*)::int as count, count(distinct key)::int as keys from tem.event where key like 'schedule/many-%'`,
  );
  expect(rows[0]).toEqual({ count: COUNT, keys: COUNT });
  expect(p99, `p50 ${found[COUNT / 2]?.late} ms, ${byLedger} by the ledger`).toBeLessThan(LATE_MAX_MS);
});

test('a cron turned back and forth a hundred times is one calendar at each reading, and that of the row in the end', async () => {
  const { pool, temporal } = await setup();
  const where = ['--address', temporal.address, '--namespace', temporal.namespace, '-o', 'json'];
  // biome-ignore lint/suspicious/noExplicitAny: the CLI's own shape
  const described = (): any =>
    JSON.parse(
      execFileSync(inject('temporalCli'), ['schedule', 'describe', '-s', 'turns', ...where], { encoding: 'utf8' }),
    ).schedule;
  const expectOneCalendar = async (): Promise<void> => {
    // So many changes at once may keep the server from answering for a moment.
    const { spec } = await waitFor(described);
    expect(spec.structuredCalendar).toHaveLength(1);
    expect([0, 15]).toContain(spec.structuredCalendar[0].minute[0].start ?? 0);
    expect(spec.cronString ?? []).toEqual([]);
    expect(spec.interval ?? []).toEqual([]);
  };
  await pool.query(
    `insert into tem.schedule (id, cron, time_zone, type, payload)
     values ('turns', '0 9 * * *', 'Europe/Istanbul', 'notification', '{"user": "ada", "title": "tick", "body": ""}')`,
  );
  await waitFor(described);
  for (let turn = 1; turn <= 100; turn += 1) {
    const minute = turn % 2 === 0 ? 0 : 15;
    await pool.query(`update tem.schedule set cron = $1 where id = 'turns'`, [`${minute} 9 * * *`]);
    await expectOneCalendar();
    // Every tenth is waited for, so that both times are seen to get there.
    if (turn % 10 < 2) await waitFor(() => (described().spec.structuredCalendar[0].minute[0].start ?? 0) === minute);
  }
  await pool.query(`update tem.schedule set note = 'only the note' where id = 'turns'`);
  await waitFor(() => described().state.notes === 'only the note');
  await expectOneCalendar();
  expect(described().spec.structuredCalendar[0].minute[0].start ?? 0).toBe(0);
});
