// The ledger's own look: nominal times that are due for 15 s and have no event are fired here, as far back as the catch-up
// window reaches, and what can't be fired is written down with its reason. It finds its schedules by an index on the time,
// takes them in sets, and starts what waited for a firing before it.

import type { Pool, PoolClient } from 'pg';
import { acceptEvents } from '../ledger/accept.ts';
import { inTransaction } from '../ledger/in-transaction.ts';
import { account, type Before } from './account.ts';
import {
  eventOf,
  type FiredRun,
  type LockedSchedule,
  lockSchedules,
  readBefore,
  type Taken,
  writeTaken,
} from './firing.ts';
import { calendarFor } from './schedule.ts';

/** Schedules that are read at once. */
export const DUE_MAX = 1_000;

export interface DueSchedule {
  id: string;
  /** A time of it is due, and not only the look at what was changed. */
  fires: boolean;
}

/** Schedules that the ledger has to look at now, those that wait longest first. */
export async function dueSchedules(pool: Pool): Promise<DueSchedule[]> {
  const { rows } = await pool.query<DueSchedule>({
    name: 'schedules-due',
    text: `
      select schedule_id as id, coalesce(next_at <= clock_timestamp(), false) as fires
      from tem.schedule_state where look_at <= clock_timestamp() order by look_at limit $1`,
    values: [DUE_MAX],
  });
  return rows;
}

/** Accounts for these schedules in one transaction; those that others hold are left for the next look. */
export async function lookAt(pool: Pool, ids: readonly string[]): Promise<FiredRun[]> {
  if (ids.length === 0) return [];
  return inTransaction(pool, async (client) => {
    const locked = (await lockSchedules(client, ids, true)).filter(({ action }) => action === 'event');
    await setAsideUnreadable(client, ids, locked);
    const schedules = locked.filter(({ problem }) => problem === null);
    if (schedules.length === 0) return [];
    const names = schedules.map(({ id }) => id);
    const before = await readBefore(client, names);
    const taken = await readTaken(client, schedules);
    const started: FiredRun[] = [];
    const decided: Taken[] = [];
    for (const schedule of schedules) {
      const own = before.get(schedule.id) as Before;
      if (own.buffered > 0 && own.open.length === 0) started.push(...(await startBuffered(client, schedule, own)));
      const found = account(schedule, taken.get(schedule.id) ?? new Set(), own, schedule.now.getTime());
      decided.push({ schedule, ...found, firedBy: 'ledger' });
    }
    return [...started, ...(await writeTaken(client, decided))];
  });
}

/** Which times since `accountedUntil` have their row, by schedule. */
async function readTaken(client: PoolClient, schedules: readonly LockedSchedule[]): Promise<Map<string, Set<number>>> {
  const { rows } = await client.query<{ id: string; at: Date }>({
    name: 'schedules-taken',
    text: `
      select r.schedule_id as id, r.at from unnest($1::text[], $2::timestamptz[]) as g(id, after)
        join tem.schedule_run r on r.schedule_id = g.id and r.at > g.after and r.slot = ''`,
    values: [schedules.map(({ id }) => id), schedules.map(({ accountedUntil }) => accountedUntil.toISOString())],
  });
  const taken = new Map<string, Set<number>>();
  for (const { id, at } of rows) {
    const own = taken.get(id) ?? new Set();
    taken.set(id, own.add(at.getTime()));
  }
  return taken;
}

/** The oldest firing that waited for the ones before it, which have ended. */
async function startBuffered(client: PoolClient, schedule: LockedSchedule, before: Before): Promise<FiredRun[]> {
  const { rows } = await client.query<{ at: Date }>(
    `select at from tem.schedule_run where schedule_id = $1 and outcome = 'buffered' order by at limit 1`,
    [schedule.id],
  );
  const at = rows[0]?.at.getTime();
  if (at === undefined) return [];
  const [accepted] = await acceptEvents(client, [eventOf(schedule, at, undefined, 'ledger')]);
  const event = accepted?.id ?? null;
  await client.query(
    `with started as (
       update tem.schedule_run set outcome = 'fired', event_id = $3, started_at = clock_timestamp(), open = true
       where schedule_id = $1 and at = $2 and slot = '' returning schedule_id
     )
     update tem.schedule_state st set fired = st.fired + 1 from started s where st.schedule_id = s.schedule_id`,
    [schedule.id, new Date(at).toISOString(), event],
  );
  before.buffered -= 1;
  before.open.push(event ?? '');
  return [{ schedule: schedule.id, at, outcome: 'fired', event }];
}

/** A row that SQL let pass and no calendar can read stands still, and says why, until it is changed. */
async function setAsideUnreadable(
  client: PoolClient,
  ids: readonly string[],
  schedules: LockedSchedule[],
): Promise<void> {
  for (const schedule of schedules) {
    try {
      calendarFor(schedule).next(schedule.now.getTime());
    } catch (error) {
      schedule.problem = (error as Error).message;
      await client.query('update tem.schedule_state set problem = $2, look_at = null where schedule_id = $1', [
        schedule.id,
        schedule.problem,
      ]);
    }
  }
  // What no event stands for is looked after elsewhere.
  await client.query(
    `update tem.schedule_state st set look_at = null from tem.schedule s
     where s.id = st.schedule_id and s.action <> 'event' and s.id = any($1::text[]) and st.look_at is not null`,
    [ids],
  );
}
