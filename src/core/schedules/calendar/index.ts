// The calendar of one schedule: a cron line or an interval in a time zone, between its start and its end.

import { type CronLine, parseCron } from './cron.ts';
import { cronTimes, lastCronTime, type NominalTime } from './nominal.ts';
import { type Zone, zoneOf } from './zone.ts';

export type { NominalTime } from './nominal.ts';

export interface Rhythm {
  cron: string | null;
  /** Multiples since 1970-01-01T00:00:00Z. */
  everyMs: number | null;
  timeZone: string;
  startAt: Date | null;
  endAt: Date | null;
}

export interface Calendar {
  cron: CronLine | undefined;
  zone: Zone;
  /** Nominal times after `after`, up to and with `until`, one by one; never more than a century of them. */
  times(after: number, until?: number): Generator<NominalTime>;
  next(after: number): NominalTime | undefined;
  /** The one before, also when it lies before the start. */
  previous(before: number): NominalTime | undefined;
  isNominal(at: number): boolean;
}

/** 29 February on one weekday is up to 40 years away. */
const AHEAD_MAX_MS = 41 * 366 * 86_400_000;
const EPOCH = 0;

/** Throws CronRefused or a RangeError when the rhythm is none. */
export function calendarOf(rhythm: Rhythm): Calendar {
  const zone = zoneOf(rhythm.timeZone);
  const cron = rhythm.cron === null ? undefined : parseCron(rhythm.cron);
  const { everyMs } = rhythm;
  const start = rhythm.startAt?.getTime() ?? EPOCH;
  const end = rhythm.endAt?.getTime() ?? Number.POSITIVE_INFINITY;
  function* times(after: number, until = Number.POSITIVE_INFINITY): Generator<NominalTime> {
    // The start itself is a possible time.
    const from = Math.max(after, start - 1);
    const to = Math.min(until, end, from + AHEAD_MAX_MS);
    if (cron) yield* cronTimes(cron, zone, from, to);
    else if (everyMs !== null) yield* intervalTimes(everyMs, from, to);
  }
  const calendar: Calendar = {
    cron,
    zone,
    times,
    next: (after) => times(after).next().value ?? undefined,
    previous(before) {
      if (cron) return lastCronTime(cron, zone, before, before - AHEAD_MAX_MS);
      return everyMs === null ? undefined : { at: (Math.ceil(before / everyMs) - 1) * everyMs, moved: false };
    },
    isNominal: (at) => calendar.next(at - 1)?.at === at,
  };
  return calendar;
}

function* intervalTimes(everyMs: number, after: number, until: number): Generator<NominalTime> {
  for (let at = (Math.floor(after / everyMs) + 1) * everyMs; at <= until; at += everyMs) yield { at, moved: false };
}
