// Firings and the workers that take them: one that is killed between a firing and its event, two that fire the same time, and
// all of them down for an hour. Each time is one event, or listed as missed.

import { expect, test } from 'vitest';
import { FIRING_WORKFLOW } from '../../src/core/schedules/temporal/wanted.ts';
import { atEnd } from '../support/at-end.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { startTem, type TemProcess } from '../support/processes.ts';
import { createNamespace, type TestTemporal } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const PATIENCE_MS = 120_000;
const TEST_TIMEOUT_MS = 240_000;

interface Scene {
  pool: TestDatabase['pool'];
  temporal: TestTemporal;
  startWorker(): Promise<TemProcess>;
}

async function setup(): Promise<Scene> {
  const [{ databaseUrl, pool }, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  return {
    pool,
    temporal,
    async startWorker() {
      const worker = startTem(['worker'], testEnvironment({ databaseUrl }, temporal));
      atEnd(async () => void (await worker.stop()));
      await worker.ready();
      return worker;
    },
  };
}

async function insert({ pool }: Scene, id: string, every: string): Promise<void> {
  await pool.query(
    `insert into tem.schedule (id, every, time_zone, type, payload, overlap)
     values ($1, $2::interval, 'UTC', 'notification', '{"user": "ada", "title": "tick", "body": ""}', 'allowAll')`,
    [id, every],
  );
}

interface Run {
  at: Date;
  outcome: string;
  firedBy: string | null;
  /** Events of its key. */
  events: number;
}

/** Of the nominal times that are accounted for, in order. */
async function runs({ pool }: Scene, id: string): Promise<Run[]> {
  const { rows } = await pool.query<Run>(
    `select r.at, r.outcome, r.fired_by as "firedBy", (select count(*)::int from tem.event e
       where e.key = 'schedule/' || r.schedule_id || '/' || to_char(r.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) as events
     from tem.schedule_run r join tem.schedule_state st using (schedule_id)
     where r.schedule_id = $1 and r.slot = '' and r.at <= st.accounted_until order by r.at`,
    [id],
  );
  return rows;
}

function expectEachOnce(found: readonly Run[], everyMs: number): void {
  expect(found.filter(({ outcome, events }) => outcome !== 'fired' || events !== 1)).toEqual([]);
  const gaps = found.slice(1).map(({ at }, index) => at.getTime() - (found[index] as Run).at.getTime());
  expect(gaps.filter((gap) => gap !== everyMs)).toEqual([]);
}

test(
  'a worker that is killed between a firing and its event leaves one event, by another worker',
  async () => {
    const scene = await setup();
    const { pool } = scene;
    await insert(scene, 'killed', '2 seconds');
    const first = await scene.startWorker();
    await waitFor(async () => (await runs(scene, 'killed')).some(({ firedBy }) => firedBy === 'temporal'), PATIENCE_MS);
    // The firing has begun and can't write: its state's row is held.
    const holder = await pool.connect();
    await holder.query('begin');
    const { rows } = await holder.query<{ next: Date }>(
      `select next_at as next from tem.schedule_state where schedule_id = 'killed' for update`,
    );
    const next = rows[0]?.next as Date;
    await waitFor(async () => {
      const { rowCount } = await pool.query(
        `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
           and query like '%for update of st%'`,
      );
      return rowCount;
    }, PATIENCE_MS);
    first.kill('SIGKILL');
    await first.exited;
    await holder.query('rollback');
    holder.release();
    expect((await runs(scene, 'killed')).some(({ at }) => at.getTime() === next.getTime())).toBe(false);
    await scene.startWorker();
    const later = next.getTime() + 6_000;
    await waitFor(async () => (await runs(scene, 'killed')).some(({ at }) => at.getTime() >= later), PATIENCE_MS);
    const found = await runs(scene, 'killed');
    expect(found.map(({ at }) => at.getTime())).toContain(next.getTime());
    expectEachOnce(found, 2_000);
  },
  TEST_TIMEOUT_MS,
);

test(
  'two workers that fire the same times make one event for each',
  async () => {
    const scene = await setup();
    const { pool, temporal } = scene;
    await insert(scene, 'twice', '1 second');
    await Promise.all([scene.startWorker(), scene.startWorker()]);
    await waitFor(async () => (await runs(scene, 'twice')).length > 0, PATIENCE_MS);
    const { rows } = await pool.query<{ queue: string }>('select distinct task_queue as queue from tem.worker');
    expect(rows).toHaveLength(1);
    const taskQueue = rows[0]?.queue ?? '';
    const from = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    // Beside Temporal's own firing: two more of each time, spread over both workers.
    const firings = Array.from({ length: 10 }, (_, index) => new Date(from + index * 1_000).toISOString());
    const ends = firings.flatMap((at) =>
      ['one', 'other'].map(async (who) => {
        const workflowId = `${who}-${at.replace('.000', '')}`;
        const args = [{ schedule: 'twice' }];
        return temporal.client.workflow.execute(FIRING_WORKFLOW, { taskQueue, workflowId, args });
      }),
    );
    const answers = await Promise.all(ends);
    expect(answers).toHaveLength(20);
    const last = from + 9_000;
    await waitFor(async () => (await runs(scene, 'twice')).some(({ at }) => at.getTime() >= last), PATIENCE_MS);
    expectEachOnce(await runs(scene, 'twice'), 1_000);
    const { rows: events } = await pool.query<{ count: number; keys: number; triggers: number }>(
      `select count(*)::int as count, count(distinct key)::int as keys, count(*) filter (where key like '%/t/%')::int as triggers
       from tem.event where key like 'schedule/twice/%'`,
    );
    expect(events[0]).toMatchObject({ count: events[0]?.keys, triggers: 0 });
  },
  TEST_TIMEOUT_MS,
);

test(
  'everything down for an hour: the window is made up for, the rest is listed as missed, and the sums agree',
  async () => {
    const scene = await setup();
    const { pool } = scene;
    await insert(scene, 'hour', '1 minute');
    // As if it had been made, accounted for and left alone an hour ago.
    await pool.query(
      `update tem.schedule_state set effective_from = effective_from - interval '1 hour', look_at = look_at - interval '1 hour',
         accounted_until = accounted_until - interval '1 hour' where schedule_id = 'hour'`,
    );
    await scene.startWorker();
    const sums = async (): Promise<{ fired: number; missed: number; nominal: number; due: number }> => {
      const { rows } = await pool.query(
        `select fired::int, missed::int, (fired + skipped + missed + paused)::int as nominal,
           floor(extract(epoch from accounted_until) / 60)::int - floor(extract(epoch from effective_from) / 60)::int as due
         from tem.schedule_state where schedule_id = 'hour'`,
      );
      return rows[0];
    };
    const found = await waitFor(async () => {
      const now = await sums();
      return now.nominal >= 59 && now;
    }, PATIENCE_MS);
    // 10 minutes is the window; what is due for less than 15 s is still Temporal's.
    expect(found.fired).toBeGreaterThanOrEqual(9);
    expect(found.fired).toBeLessThanOrEqual(13);
    expect(found.missed).toBeGreaterThanOrEqual(47);
    expect(found.nominal).toBe(found.fired + found.missed);
    expect(found.nominal).toBe(found.due);
    const listed = await runs(scene, 'hour');
    expect(listed.filter(({ outcome }) => outcome === 'missed')).toHaveLength(found.missed);
    expect(listed.every(({ outcome, events }) => events === (outcome === 'fired' ? 1 : 0))).toBe(true);
  },
  TEST_TIMEOUT_MS,
);
