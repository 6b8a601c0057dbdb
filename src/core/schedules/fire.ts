// A firing that comes from Temporal: it names a schedule and a second, and the ledger says what that is: a nominal time that
// nobody has taken, one that is taken, no time of the row at all, or a person's trigger.

import type { Pool } from 'pg';
import { inTransaction } from '../ledger/in-transaction.ts';
import { type Accountable, type Decision, decideOverlap, isPausedAt, openTimeAt } from './account.ts';
import { noteChange } from './changes.ts';
import { type FiredRun, lockSchedules, readBefore, writeTaken } from './firing.ts';
import { calendarFor, utcSecond } from './schedule.ts';

/** Temporal's clock may be ahead of Postgres's. */
const AHEAD_MAX_MS = 60_000;

export interface TemporalFiring {
  id: string;
  /** Unix milliseconds, a whole second. */
  at: number;
  /** The run that carries it: a trigger's key. */
  runId: string;
}

export type FiringAnswer =
  | { answer: 'taken'; run: FiredRun }
  /** It has its row, or its time was accounted for. */
  | { answer: 'known' }
  /** The schedule is gone. */
  | { answer: 'gone' }
  /** Not a nominal time of the row. */
  | { answer: 'notNominal' };

export async function fireFromTemporal(pool: Pool, { id, at }: TemporalFiring): Promise<FiringAnswer> {
  return inTransaction(pool, async (client) => {
    const [schedule] = await lockSchedules(client, [id]);
    if (!schedule) return { answer: 'gone' };
    const time = openTimeAt(schedule, at);
    const { rows } = await client.query<{ known: boolean }>({
      name: 'schedule-run-known',
      text: `select exists (select from tem.schedule_run where schedule_id = $1 and at = $2 and slot = '') as known`,
      values: [id, new Date(at).toISOString()],
    });
    if (rows[0]?.known || (!time && isAccounted(schedule, at))) return { answer: 'known' };
    if (!time || at > schedule.now.getTime() + AHEAD_MAX_MS) return { answer: 'notNominal' };
    const before = (await readBefore(client, [id])).get(id) ?? { open: [], buffered: 0 };
    const decided: Pick<Decision, 'outcome' | 'cancels'> = isPausedAt(schedule, at)
      ? { outcome: 'paused' }
      : decideOverlap(schedule.overlap, before);
    const isNext = schedule.nextAt?.getTime() === at;
    const [run] = await writeTaken(client, [
      { schedule, decisions: [{ ...time, ...decided }], firedBy: 'temporal', ...(isNext && { accountedUntil: at }) },
    ]);
    return { answer: 'taken', run: run as FiredRun };
  });
}

/** A time of its calendar that lies before what it counts from, or is accounted for. */
function isAccounted(schedule: Accountable, at: number): boolean {
  return at <= schedule.accountedUntil.getTime() && calendarFor(schedule).isNominal(at);
}

/** Fires at once for a person, whatever else of the schedule is open. The same `trigger` again is the same firing. */
export async function triggerSchedule(
  pool: Pool,
  id: string,
  trigger: { id: string; actor: string; at?: number },
): Promise<FiredRun | undefined> {
  return inTransaction(pool, async (client) => {
    const [schedule] = await lockSchedules(client, [id]);
    if (!schedule) return undefined;
    const slot = `t/${trigger.id}`;
    const { rows } = await client.query<{ at: Date; event: string }>(
      'select at, event_id as event from tem.schedule_run where schedule_id = $1 and slot = $2',
      [id, slot],
    );
    if (rows[0]) return { schedule: id, at: rows[0].at.getTime(), outcome: 'fired', event: rows[0].event };
    const at = trigger.at ?? schedule.now.getTime();
    await noteChange(client, { id, actor: trigger.actor, action: 'triggered' });
    const decision = { at, moved: false, outcome: 'fired' as const, slot };
    const [run] = await writeTaken(client, [{ schedule, decisions: [decision], firedBy: 'person' }]);
    return run;
  });
}

/** Writes down that Temporal fired at a second that is no time of the row. */
export async function noteNotNominal(pool: Pool, id: string, at: number): Promise<void> {
  const detail = `Temporal fired at ${utcSecond(at)}, which is no nominal time of this schedule: no event was made`;
  await noteChange(pool, { id, actor: 'temporal', action: 'not nominal', detail });
}
