// Nominal times of the past, made up for because a person asks: those that have no firing, or with `rerun` all of them once
// more, under a key of their own. Overlap is no question here: the person has decided.

import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../ledger/in-transaction.ts';
import type { Decision } from './account.ts';
import type { NominalTime } from './calendar/index.ts';
import { noteChange } from './changes.ts';
import { type LockedSchedule, lockSchedules, writeTaken } from './firing.ts';
import { calendarFor, firingKey, utcSecond } from './schedule.ts';

export const BACKFILL_MAX = 10_000;
const SET_MAX = 500;

export class BackfillRefused extends Error {
  override readonly name = 'BackfillRefused';

  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Backfill {
  from: Date;
  to: Date;
  rerun: boolean;
  actor: string;
}

export interface Backfilled {
  /** Nominal times in the range. */
  nominal: number;
  fired: number;
  /** Had their firing already. */
  already: number;
  events: string[];
}

/** From `from` to `to`, both included. Undefined when there is no such schedule. Throws BackfillRefused. */
export async function backfill(pool: Pool, id: string, asked: Backfill): Promise<Backfilled | undefined> {
  let times: NominalTime[] | undefined;
  let done = 0;
  const found: Backfilled = { nominal: 0, fired: 0, already: 0, events: [] };
  do {
    const more = await inTransaction(pool, async (client) => {
      const [schedule] = await lockSchedules(client, [id]);
      if (!schedule) return false;
      if (!times) {
        times = await timesOf(client, schedule, asked);
        found.nominal = times.length;
        const detail = `from ${utcSecond(asked.from.getTime())} to ${utcSecond(asked.to.getTime())}${asked.rerun ? ', also what had fired' : ''}`;
        await noteChange(client, { id, actor: asked.actor, action: 'backfilled', detail });
      }
      const set = times.slice(done, done + SET_MAX);
      done += set.length;
      const events = await fireSet(client, schedule, set, asked.rerun);
      found.fired += events.length;
      found.already += set.length - events.length;
      found.events.push(...events);
      return true;
    });
    if (!more) return times && found;
  } while (times && done < times.length);
  return found;
}

async function timesOf(
  client: PoolClient,
  schedule: LockedSchedule,
  { from, to, rerun }: Backfill,
): Promise<NominalTime[]> {
  if (to > schedule.now) throw new BackfillRefused('/to', 'lies in the future: a backfill makes up for the past');
  if (from > to) throw new BackfillRefused('/from', 'must not be after to');
  const { rows } = await client.query<{ until: Date | null }>(
    'select pruned_until as until from tem.schedule_state where schedule_id = $1',
    [schedule.id],
  );
  const until = rows[0]?.until;
  if (!rerun && until && from < until) {
    throw new BackfillRefused(
      '/from',
      `is before ${until.toISOString()}: what fired until then is forgotten; begin later, or say "rerun": true`,
    );
  }
  const times: NominalTime[] = [];
  for (const time of calendarFor(schedule).times(from.getTime() - 1, to.getTime())) {
    times.push(time);
    if (times.length > BACKFILL_MAX)
      throw new BackfillRefused('/to', `makes more than ${BACKFILL_MAX} times: ask for a shorter range`);
  }
  return times;
}

/** The events of one set, in one transaction. */
async function fireSet(
  client: PoolClient,
  schedule: LockedSchedule,
  set: readonly NominalTime[],
  rerun: boolean,
): Promise<string[]> {
  if (set.length === 0) return [];
  const { rows } = await client.query<{ at: Date; outcome: string; reruns: number }>(
    `select at, max(outcome) filter (where slot = '') as outcome, count(*) filter (where slot like 'r%')::int as reruns
     from tem.schedule_run where schedule_id = $1 and at = any($2::timestamptz[]) group by at`,
    [schedule.id, set.map(({ at }) => new Date(at).toISOString())],
  );
  const runs = new Map(rows.map((row) => [row.at.getTime(), row]));
  const keyed = await keyedAlready(client, schedule, set);
  const shared = await sharedRows(client, schedule, set);
  const decisions: (Decision & { slot: string })[] = [];
  const released = { overlap: 0, missed: 0, paused: 0 };
  for (const time of set) {
    const run = runs.get(time.at);
    const hasFired = run?.outcome === 'fired' || run?.outcome === 'buffered' || keyed.has(time.at);
    if (hasFired && !rerun) continue;
    const row = shared.find(({ at, until }) => time.at >= at && time.at <= until);
    const outcome = row?.outcome ?? run?.outcome;
    if (outcome && outcome in released) released[outcome as keyof typeof released] += 1;
    if (row) row.taken.push(time.at);
    decisions.push({ ...time, outcome: 'fired', slot: hasFired ? `r${(run?.reruns ?? 0) + 1}` : '' });
  }
  if (decisions.length === 0) return [];
  for (const row of shared) await takeFromShared(client, schedule, row);
  const written = await writeTaken(client, [{ schedule, decisions, firedBy: 'backfill' }]);
  await client.query(
    `update tem.schedule_state set skipped = skipped - $2, missed = missed - $3, paused = paused - $4 where schedule_id = $1`,
    [schedule.id, released.overlap, released.missed, released.paused],
  );
  return written.flatMap(({ event }) => (event === null ? [] : [event]));
}

interface SharedRow {
  at: number;
  until: number;
  outcome: string;
  count: number;
  /** Times that leave it. */
  taken: number[];
}

/** Rows that stand for more than one time, some of which may be in the set. */
async function sharedRows(
  client: PoolClient,
  schedule: LockedSchedule,
  set: readonly NominalTime[],
): Promise<SharedRow[]> {
  const { rows } = await client.query<{ at: Date; until: Date; outcome: string; count: number }>(
    `select at, until, outcome, count::float8 as count from tem.schedule_run
     where schedule_id = $1 and slot = '' and until is not null and at <= $3 and until >= $2`,
    [schedule.id, new Date(set[0]?.at ?? 0).toISOString(), new Date(set.at(-1)?.at ?? 0).toISOString()],
  );
  return rows.map((row) => ({ ...row, at: row.at.getTime(), until: row.until.getTime(), taken: [] }));
}

/** The row stands for fewer times then, from the first on that stays in it. */
async function takeFromShared(client: PoolClient, schedule: LockedSchedule, row: SharedRow): Promise<void> {
  if (row.taken.length === 0) return;
  const taken = new Set(row.taken);
  let first: number | undefined;
  for (const { at } of calendarFor(schedule).times(row.at - 1, row.until)) {
    if (taken.has(at)) continue;
    first = at;
    break;
  }
  const key = [schedule.id, new Date(row.at).toISOString()];
  if (first === undefined || row.count <= row.taken.length) {
    await client.query(`delete from tem.schedule_run where schedule_id = $1 and at = $2 and slot = ''`, key);
    return;
  }
  await client.query(
    `update tem.schedule_run set at = $3, count = count - $4 where schedule_id = $1 and at = $2 and slot = ''`,
    [...key, new Date(first).toISOString(), row.taken.length],
  );
}

/** Times whose event is there without a row: of a schedule of this id that was removed. */
async function keyedAlready(
  client: PoolClient,
  schedule: LockedSchedule,
  set: readonly NominalTime[],
): Promise<Set<number>> {
  const keys = new Map(set.map(({ at }) => [firingKey(schedule.id, at), at]));
  const { rows } = await client.query<{ key: string }>(
    'select key from tem.event where type = $1 and key = any($2::text[])',
    [schedule.type, [...keys.keys()]],
  );
  return new Set(rows.map(({ key }) => keys.get(key) as number));
}
