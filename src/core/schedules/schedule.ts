// A schedule as the ledger has it, row and state together, and how one is read. Who writes what: people and code the table
// tem.schedule (its triggers keep revision and history), the firing and the ledger's look the state.

import { type Calendar, calendarOf, type Rhythm } from './calendar/index.ts';

export const OVERLAPS = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther', 'allowAll'] as const;
export type Overlap = (typeof OVERLAPS)[number];

export const DEFAULTS = { overlap: 'skip', catchupWindow: '10m', jitter: '0s' } as const;
export const SCHEDULE_CHANNEL = 'tem_schedule';

export interface PastRhythm extends Rhythm {
  from: Date;
  until: Date;
}

export interface Pause {
  from: Date;
  to: Date | null;
}

export interface Schedule extends Rhythm {
  id: string;
  type: string;
  payload: unknown;
  overlap: Overlap;
  catchupWindowMs: number;
  jitterMs: number;
  paused: boolean;
  note: string | null;
  origin: 'data' | 'code';
  action: 'event' | 'reconcile';
  declaredBy: string | null;
  declared: unknown;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** How far its nominal times are accounted for. */
export interface ScheduleState {
  effectiveFrom: Date;
  past: PastRhythm[];
  pauses: Pause[];
  accountedUntil: Date;
  nextAt: Date | null;
  lookAt: Date | null;
  problem: string | null;
}

export interface ScheduleSync {
  syncedRevision: number | null;
  syncedPaused: boolean | null;
  syncedNote: string | null;
  drift: string | null;
}

export interface ScheduleCounts {
  fired: number;
  skipped: number;
  missed: number;
  pausedTimes: number;
}

export const SCHEDULE_COLUMNS = `
  s.id, s.cron, (extract(epoch from s.every) * 1000)::float8 as "everyMs", s.time_zone as "timeZone", s.type, s.payload, s.overlap,
  (extract(epoch from s.catchup_window) * 1000)::float8 as "catchupWindowMs",
  (extract(epoch from s.jitter) * 1000)::float8 as "jitterMs", s.start_at as "startAt", s.end_at as "endAt", s.paused, s.note,
  s.origin, s.action, s.declared_by as "declaredBy", s.declared, s.revision::float8 as revision, s.created_at as "createdAt",
  s.updated_at as "updatedAt"`;

export const STATE_COLUMNS = `
  st.effective_from as "effectiveFrom", st.past, st.pauses, st.accounted_until as "accountedUntil", st.next_at as "nextAt",
  st.look_at as "lookAt", st.problem`;

export const SYNC_COLUMNS = `
  st.synced_revision::float8 as "syncedRevision", st.synced_paused as "syncedPaused", st.synced_note as "syncedNote", st.drift`;

export const COUNT_COLUMNS = `
  st.fired::float8 as fired, st.skipped::float8 as skipped, st.missed::float8 as missed, st.paused::float8 as "pausedTimes"`;

/** Turns the times in the state's JSON into dates. */
export function readState<Row extends ScheduleState>(row: Row): Row {
  const past = row.past.map((each) => ({
    ...each,
    from: new Date(each.from),
    until: new Date(each.until),
    startAt: each.startAt && new Date(each.startAt),
    endAt: each.endAt && new Date(each.endAt),
  }));
  const pauses = row.pauses.map(({ from, to }) => ({ from: new Date(from), to: to && new Date(to) }));
  return { ...row, past, pauses };
}

const CALENDARS_MAX = 20_000;
const calendars = new Map<string, Calendar>();

/** The calendar of a rhythm, kept between calls. Throws CronRefused or a RangeError. */
export function calendarFor(rhythm: Rhythm): Calendar {
  const { cron, everyMs, timeZone, startAt, endAt } = rhythm;
  const key = JSON.stringify([cron, everyMs, timeZone, startAt, endAt]);
  const known = calendars.get(key);
  if (known) return known;
  if (calendars.size >= CALENDARS_MAX) calendars.clear();
  const made = calendarOf({ cron, everyMs, timeZone, startAt, endAt });
  calendars.set(key, made);
  return made;
}

/** A nominal time in keys and templates' neighbours: the UTC second, as RFC 3339. */
export function utcSecond(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** The key of a firing's event. `slot` is '' for the nominal time itself. */
export function firingKey(id: string, at: number, slot = ''): string {
  if (slot.startsWith('t/')) return `schedule/${id}/${slot}`;
  return slot === '' ? `schedule/${id}/${utcSecond(at)}` : `schedule/${id}/${utcSecond(at)}/${slot}`;
}
