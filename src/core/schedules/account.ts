// What becomes of each nominal time, as pure rules: fired, skipped because of an overlap, missed because everything was down
// for longer than the catch-up window, or paused. Every time is accounted for exactly once, so the sums always agree.

import type { NominalTime } from './calendar/index.ts';
import { calendarFor, type Overlap, type Schedule, type ScheduleState } from './schedule.ts';

/** The ledger fires what Temporal hasn't fired so long after it was due, its jitter included. */
export const LOOK_AFTER_MS = 15_000;
/** A time is never missed before the ledger could look for it, however short its window is. */
const WINDOW_MIN_MS = 45_000;
/** A paused schedule's times are written down now and then, not one by one. */
const PAUSED_LOOK_EVERY_MS = 600_000;
/** Rows of one schedule in one look; further times that can't fire any more share a row. */
export const LISTED_MAX = 1_000;
/** Times that one look counts into a shared row. */
const COUNTED_MAX = 100_000;
/** Runs that may wait for the ones before them. */
const BUFFERED_MAX = 1_000;

export type Outcome = 'fired' | 'buffered' | 'overlap' | 'missed' | 'paused';

export interface Decision {
  at: number;
  moved: boolean;
  outcome: Outcome;
  /** The row stands for `count` times up to this one. */
  until?: number;
  count?: number;
  /** Previous events that are to be cancelled. */
  cancels?: string[];
}

/** The events of earlier firings that haven't ended, and how many firings wait for them. */
export interface Before {
  open: string[];
  buffered: number;
}

export type Accountable = Schedule & ScheduleState;

/** The nominal times after `accountedUntil`, of the rhythms of the past first. */
export function* openTimes(schedule: Accountable, until: number): Generator<NominalTime> {
  const accounted = schedule.accountedUntil.getTime();
  for (const past of schedule.past) {
    const from = Math.max(accounted, past.from.getTime());
    yield* calendarFor(past).times(from, Math.min(until, past.until.getTime()));
  }
  yield* calendarFor(schedule).times(Math.max(accounted, schedule.effectiveFrom.getTime()), until);
}

/** The nominal time at this second, if the row had it then; undefined when it hadn't, or has accounted for it. */
export function openTimeAt(schedule: Accountable, at: number): NominalTime | undefined {
  if (at <= schedule.accountedUntil.getTime()) return undefined;
  const past = schedule.past.find(({ from, until }) => at > from.getTime() && at <= until.getTime());
  if (!past && at <= schedule.effectiveFrom.getTime()) return undefined;
  const next = calendarFor(past ?? schedule).next(at - 1);
  return next?.at === at ? next : undefined;
}

export function isPausedAt({ pauses }: ScheduleState, at: number): boolean {
  return pauses.some(({ from, to }) => at > from.getTime() && (to === null || at <= to.getTime()));
}

/** What the schedule's overlap says of one more firing. */
export function decideOverlap(overlap: Overlap, before: Before): Pick<Decision, 'outcome' | 'cancels'> {
  if (before.open.length === 0 && before.buffered === 0) return { outcome: 'fired' };
  switch (overlap) {
    case 'allowAll':
      return { outcome: 'fired' };
    case 'skip':
      return { outcome: 'overlap' };
    case 'bufferOne':
      return { outcome: before.buffered === 0 ? 'buffered' : 'overlap' };
    case 'bufferAll':
      return { outcome: before.buffered < BUFFERED_MAX ? 'buffered' : 'overlap' };
    case 'cancelOther':
      return { outcome: before.buffered === 0 ? 'buffered' : 'overlap', cancels: before.open };
    case 'terminateOther':
      return { outcome: 'fired', cancels: before.open };
  }
}

export interface Account {
  decisions: Decision[];
  accountedUntil: number;
}

/**
 * What the ledger's look makes of a schedule at `now`: every time that is due for 15 s and has no row in `taken`.
 * `before` follows its own decisions: a firing is open for those after it.
 */
export function account(schedule: Accountable, taken: ReadonlySet<number>, before: Before, now: number): Account {
  const { jitterMs } = schedule;
  const until = now - LOOK_AFTER_MS - jitterMs;
  const lost = now - Math.max(schedule.catchupWindowMs, WINDOW_MIN_MS + jitterMs);
  const follow = { open: [...before.open], buffered: before.buffered };
  const decisions: Decision[] = [];
  let accountedUntil = schedule.accountedUntil.getTime();
  let counted = 0;
  for (const time of openTimes(schedule, until)) {
    if (taken.has(time.at)) {
      accountedUntil = time.at;
      continue;
    }
    const why = isPausedAt(schedule, time.at) ? 'paused' : time.at < lost ? 'missed' : undefined;
    if (decisions.length >= LISTED_MAX) {
      const last = decisions.at(-1) as Decision;
      if (why === undefined || last.outcome !== why || ++counted > COUNTED_MAX) return { decisions, accountedUntil };
      last.until = time.at;
      last.count = (last.count ?? 1) + 1;
    } else {
      const decision = why === undefined ? decideOverlap(schedule.overlap, follow) : { outcome: why as Outcome };
      decisions.push({ ...time, ...decision });
      // Its event's id isn't there yet; that it is open is what counts.
      if (decision.outcome === 'fired') follow.open.push('');
      if (decision.outcome === 'buffered') follow.buffered += 1;
    }
    accountedUntil = time.at;
  }
  // Also times that nothing is due at: a rhythm of the past is done with then.
  return { decisions, accountedUntil: Math.max(accountedUntil, until) };
}

/** The state after everything up to `accountedUntil`, and when the ledger has to look next. */
export function stateAfter(schedule: Accountable, accountedUntil: number, now: number) {
  const past = schedule.past.filter(({ until }) => until.getTime() > accountedUntil);
  const pauses = schedule.pauses.filter(({ to }) => to === null || to.getTime() > accountedUntil);
  const after = { ...schedule, past, pauses, accountedUntil: new Date(accountedUntil) };
  const next = openTimes(after, Number.POSITIVE_INFINITY).next().value;
  const nextAt = next?.at;
  const dueAt = nextAt === undefined ? undefined : nextAt + LOOK_AFTER_MS + schedule.jitterMs;
  const lookAt = dueAt !== undefined && schedule.paused ? Math.max(dueAt, now + PAUSED_LOOK_EVERY_MS) : dueAt;
  return { past, pauses, accountedUntil, nextAt, lookAt };
}
