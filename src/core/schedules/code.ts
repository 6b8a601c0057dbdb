// Schedules that code brings (origin `code`): written to the ledger when a worker starts, removed when the code that declared
// them no longer does. What a person has changed of one (its time, a pause) is kept: only what still is as the code said last
// follows the code.

import { isDeepStrictEqual } from 'node:util';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { CodeSchedule } from '../schedule.ts';
import { type Definition, define, SCHEDULE_ID } from './definition.ts';
import { SCHEDULE_COLUMNS, type Schedule } from './schedule.ts';
import { as, insertSchedule, updateSchedule } from './store.ts';

/** What one piece of code declares. */
export interface Declarations {
  /** `core`, `feature prices`, `module my-types`. */
  by: string;
  schedules: readonly CodeSchedule[];
}

/** What is declared of a schedule, each member as it is in the row. */
export type Declared = Omit<Definition, 'startAt' | 'endAt' | 'paused' | 'note'> & {
  paused: boolean;
  note: string | null;
};

/** What a person may change of it. */
export const CHANGEABLE = [
  'cron',
  'everyMs',
  'timeZone',
  'overlap',
  'catchupWindowMs',
  'jitterMs',
  'paused',
  'note',
] as const;
/** What no living worker has declared for so long is gone. */
const ORPHAN_AFTER_MS = 3_600_000;

/** Throws a RangeError that names the schedule and the member. */
export function declaredOf(schedule: CodeSchedule): Declared {
  const refuse = (problem: string): never => {
    throw new RangeError(`schedule ${JSON.stringify(schedule.id)}: ${problem}`);
  };
  if (typeof schedule.id !== 'string' || !SCHEDULE_ID.test(schedule.id)) {
    return refuse(
      'id must begin with a letter or digit and hold only letters, digits, dot, underscore and hyphen (at most 128)',
    );
  }
  try {
    const { id: _id, ...input } = schedule;
    const {
      startAt: _startAt,
      endAt: _endAt,
      ...definition
    } = define({ ...input, timeZone: schedule.timeZone ?? 'UTC' });
    return { ...definition, paused: schedule.paused ?? false, note: schedule.note ?? null };
  } catch (error) {
    const { path, message } = error as { path?: string; message: string };
    return refuse(`${(path ?? '').slice(1)} ${message}`);
  }
}

/** Writes what code declares, and removes what the same code declared before and doesn't now. */
export async function registerSchedules(pool: Pool, declarations: readonly Declarations[], log: Logger): Promise<void> {
  for (const { by, schedules } of declarations) {
    for (const schedule of schedules)
      await register(pool, { by, id: schedule.id, declared: declaredOf(schedule), action: 'event' }, log);
    await as(pool, `code: ${by}`, (client) =>
      client.query(`delete from tem.schedule where origin = 'code' and declared_by = $1 and id <> all($2::text[])`, [
        by,
        schedules.map(({ id }) => id),
      ]),
    );
  }
}

export interface Registration {
  by: string;
  id: string;
  declared: Declared;
  action: Schedule['action'];
}

export async function register(pool: Pool, { by, id, declared, action }: Registration, log: Logger): Promise<void> {
  await as(pool, `code: ${by}`, async (client) => {
    const whole = { ...declared, startAt: null, endAt: null };
    const { rows } = await client.query<Schedule>(
      `select ${SCHEDULE_COLUMNS} from tem.schedule s where s.id = $1 for update`,
      [id],
    );
    const [row] = rows;
    if (row && row.origin !== 'code') {
      log.warn({ schedule: id }, `${by} declares a schedule of an id that people use: theirs stays`);
      return;
    }
    if (!row) await insertSchedule(client, id, whole);
    else {
      const merged = { ...whole, startAt: row.startAt, endAt: row.endAt, ...kept(row) };
      if (!isDeepStrictEqual(merged, { ...merged, ...present(row) }))
        await updateSchedule(client, id, merged, undefined);
    }
    await client.query(
      `update tem.schedule set origin = 'code', action = $2, declared_by = $3, declared = $4, declared_at = clock_timestamp()
       where id = $1`,
      [id, action, by, JSON.stringify(declared)],
    );
  });
}

function present(row: Schedule): Declared {
  const { cron, everyMs, timeZone, type, payload, overlap, catchupWindowMs, jitterMs, paused, note } = row;
  return { cron, everyMs, timeZone, type, payload, overlap, catchupWindowMs, jitterMs, paused, note };
}

/** What a person has changed. The rhythm is one: its cron and its interval exclude each other. */
export function changedByPerson(row: Schedule): (typeof CHANGEABLE)[number][] {
  const before = row.declared as Declared | null;
  return before === null ? [] : CHANGEABLE.filter((member) => !isDeepStrictEqual(row[member], before[member]));
}

function kept(row: Schedule): Partial<Declared> {
  const changed = new Set<string>(changedByPerson(row));
  if (changed.has('cron') || changed.has('everyMs')) for (const member of ['cron', 'everyMs']) changed.add(member);
  return Object.fromEntries([...changed].map((member) => [member, row[member as keyof Declared] ?? null]));
}

/** Says that a living worker still has these, and removes what none has had for an hour. */
export async function keepDeclared(pool: Pool, declarations: readonly Declarations[]): Promise<void> {
  const ids = declarations.flatMap(({ schedules }) => schedules.map(({ id }) => id));
  await pool.query(
    `update tem.schedule set declared_at = clock_timestamp() where id = any($1::text[]) and origin = 'code'`,
    [ids],
  );
  await as(pool, 'code: no worker declares it', (client) =>
    client.query(
      `delete from tem.schedule where origin = 'code' and declared_at < clock_timestamp() - $1 * interval '1 ms'`,
      [ORPHAN_AFTER_MS],
    ),
  );
}
