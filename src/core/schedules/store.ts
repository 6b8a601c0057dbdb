// Writing and reading schedules. Every write says who it is for, in its own transaction: the table's triggers keep revision,
// history and state, whoever writes.

import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../ledger/in-transaction.ts';
import type { Definition } from './definition.ts';
import {
  COUNT_COLUMNS,
  readState,
  SCHEDULE_COLUMNS,
  type Schedule,
  type ScheduleCounts,
  type ScheduleState,
  type ScheduleSync,
  STATE_COLUMNS,
  SYNC_COLUMNS,
} from './schedule.ts';

export interface LastRun {
  at: Date;
  slot: string;
  outcome: string;
  startedAt: Date | null;
  event: string | null;
  state: string | null;
  firedBy: string | null;
}

export type StoredSchedule = Schedule & ScheduleState & ScheduleSync & ScheduleCounts & { lastRun: LastRun | null };

const LAST_RUN = `
  (select jsonb_build_object('at', r.at, 'slot', r.slot, 'outcome', r.outcome, 'startedAt', r.started_at, 'event', r.event_id,
      'state', e.state, 'firedBy', r.fired_by)
    from tem.schedule_run r left join tem.event e on e.id = r.event_id
    where r.schedule_id = s.id and r.outcome = 'fired' order by r.at desc limit 1) as "lastRun"`;
const STORED = `
  select ${SCHEDULE_COLUMNS}, ${STATE_COLUMNS}, ${SYNC_COLUMNS}, ${COUNT_COLUMNS}, ${LAST_RUN}
  from tem.schedule s join tem.schedule_state st on st.schedule_id = s.id`;

export async function getSchedule(pool: Pick<Pool, 'query'>, id: string): Promise<StoredSchedule | undefined> {
  const { rows } = await pool.query<StoredSchedule>({
    name: 'schedule-get',
    text: `${STORED} where s.id = $1`,
    values: [id],
  });
  return rows[0] && readStored(rows[0]);
}

/** Up to `limit` schedules after `after` (an id), in order of ids. */
export async function listSchedules(
  pool: Pool,
  filter: { origin?: string; type?: string },
  limit: number,
  after: string,
): Promise<{ rows: StoredSchedule[]; more: boolean }> {
  const { rows } = await pool.query<StoredSchedule>(
    `${STORED} where s.id > $1 and ($2::text is null or s.origin = $2) and ($3::text is null or s.type = $3)
     order by s.id limit $4`,
    [after, filter.origin ?? null, filter.type ?? null, limit + 1],
  );
  return { rows: rows.slice(0, limit).map(readStored), more: rows.length > limit };
}

function readStored(row: StoredSchedule): StoredSchedule {
  const last = row.lastRun;
  const lastRun = last && { ...last, at: new Date(last.at), startedAt: last.startedAt && new Date(last.startedAt) };
  return { ...readState(row), lastRun };
}

/** What a write under a condition came to. */
export type Written = 'done' | 'missing' | 'changed';

const COLUMNS = `cron = $2, every = $3 * interval '1 ms', time_zone = $4, type = $5, payload = $6, overlap = $7,
  catchup_window = $8 * interval '1 ms', jitter = $9 * interval '1 ms', start_at = $10, end_at = $11,
  paused = coalesce($12, paused), note = case when $13 then $14 else note end`;

function valuesOf(id: string, definition: Definition): unknown[] {
  const { startAt, endAt, note } = definition;
  return [
    id,
    definition.cron,
    definition.everyMs,
    definition.timeZone,
    definition.type,
    JSON.stringify(definition.payload),
    definition.overlap,
    definition.catchupWindowMs,
    definition.jitterMs,
    startAt?.toISOString() ?? null,
    endAt?.toISOString() ?? null,
    definition.paused ?? null,
    note !== undefined,
    note ?? null,
  ];
}

export async function as<Result>(
  pool: Pool,
  actor: string,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return inTransaction(pool, async (client) => {
    await client.query(`select set_config('tem.actor', $1, true)`, [actor]);
    return work(client);
  });
}

/** Adds schedules for `actor`; ids that exist already are left out of the answer. */
export async function insertSchedule(
  client: Pick<Pool, 'query'>,
  id: string,
  definition: Definition,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into tem.schedule (id, cron, every, time_zone, type, payload, overlap, catchup_window, jitter, start_at, end_at, paused, note)
     select $1, $2, $3 * interval '1 ms', $4, $5, $6, $7, $8 * interval '1 ms', $9 * interval '1 ms', $10::timestamptz,
       $11::timestamptz, coalesce($12, false), case when $13 then $14 end
     on conflict (id) do nothing`,
    valuesOf(id, definition),
  );
  return rowCount === 1;
}

/** `revision`: only while the row has this one. */
export async function updateSchedule(
  client: Pick<Pool, 'query'>,
  id: string,
  definition: Definition,
  revision: number | undefined,
): Promise<Written> {
  return written(client, id, `update tem.schedule set ${COLUMNS} where id = $1`, valuesOf(id, definition), revision);
}

export async function pauseSchedule(
  client: Pick<Pool, 'query'>,
  id: string,
  pause: { paused: boolean; note: string | null },
  revision: number | undefined,
): Promise<Written> {
  return written(
    client,
    id,
    'update tem.schedule set paused = $2, note = $3 where id = $1',
    [id, pause.paused, pause.note],
    revision,
  );
}

export async function deleteSchedule(
  client: Pick<Pool, 'query'>,
  id: string,
  revision: number | undefined,
): Promise<Written> {
  return written(client, id, 'delete from tem.schedule where id = $1', [id], revision);
}

async function written(
  client: Pick<Pool, 'query'>,
  id: string,
  statement: string,
  values: unknown[],
  revision: number | undefined,
): Promise<Written> {
  const condition = revision === undefined ? '' : ` and revision = $${values.length + 1}`;
  const { rowCount } = await client.query(
    statement + condition,
    revision === undefined ? values : [...values, revision],
  );
  if (rowCount === 1) return 'done';
  const { rows } = await client.query('select from tem.schedule where id = $1', [id]);
  return rows.length === 0 ? 'missing' : 'changed';
}

/** Temporal has lost its database: every schedule is to be given to it again. */
export async function forgetSynced(pool: Pool): Promise<void> {
  await pool.query(
    `with told as (select pg_notify('tem_schedule', ''))
     update tem.schedule_state set synced_revision = null, synced_paused = null, synced_note = null, drift = null from told`,
  );
}
