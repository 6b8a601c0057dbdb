// A slow oracle of nominal times: it asks Intl for the wall clock of every minute, and shares nothing with the calendar.

import type { CronLine } from '../../../../src/core/schedules/calendar/cron.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

export interface WallMinute {
  at: number;
  /** The wall clock as minutes since 1970, as if it were UTC. */
  local: number;
}

/** Every minute from `from` to `to` with its wall clock. */
export function wallMinutes(zone: string, from: number, to: number): WallMinute[] {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const minutes: WallMinute[] = [];
  for (let at = Math.ceil(from / MINUTE_MS) * MINUTE_MS; at <= to; at += MINUTE_MS) {
    const [month, day, year, hour, minute] = (format.format(at).match(/\d+/g) as string[]).map(Number) as number[];
    const local = Date.UTC(year as number, (month as number) - 1, day, hour, minute) / MINUTE_MS;
    minutes.push({ at, local });
  }
  return minutes;
}

/** The nominal times within the minutes, first and last day left out: what they depend on lies outside. */
export function oracleTimes(line: CronLine, minutes: readonly WallMinute[]): { at: number; moved: boolean }[] {
  const found = new Map<number, boolean>();
  const seen = new Set<number>();
  const existing = new Set(minutes.map(({ local }) => Math.floor(local / DAY_MINUTES)));
  let before: number | undefined;
  for (const { at, local } of minutes) {
    if (line.fixed && before !== undefined) {
      for (let skipped = before + 1; skipped < local; skipped += 1) {
        const dayExists = existing.has(Math.floor(skipped / DAY_MINUTES));
        if (dayExists && !seen.has(skipped) && matches(line, skipped) && !found.has(at)) found.set(at, true);
      }
    }
    if (matches(line, local) && !(line.fixed && seen.has(local))) found.set(at, false);
    seen.add(local);
    before = local;
  }
  return [...found].map(([at, moved]) => ({ at, moved }));
}

function matches(line: CronLine, local: number): boolean {
  const date = new Date(local * MINUTE_MS);
  return (
    line.minutes.includes(date.getUTCMinutes()) &&
    line.hours.includes(date.getUTCHours()) &&
    line.daysOfMonth.includes(date.getUTCDate()) &&
    line.months.includes(date.getUTCMonth() + 1) &&
    line.daysOfWeek.includes(date.getUTCDay())
  );
}
