// The nominal times of a cron line: those that a person expects of a clock on the wall. A fixed time that a day doesn't have
// moves to the first instant after the gap, one that comes twice fires at the first; a line that repeats fires whenever the
// clock matches, both times; a day that doesn't exist has no time at all. A walk over local days, with the zone's offsets.

import type { CronLine } from './cron.ts';
import type { OffsetSpan, Zone } from './zone.ts';

export interface NominalTime {
  /** Unix milliseconds, a whole minute of the zone. */
  at: number;
  /** The wall clock's time doesn't exist that day; this is the first instant after it. */
  moved: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** No offset is larger. */
const OFFSET_MAX_MS = 15 * HOUR_MS;

/** The times after `after` (Unix milliseconds) up to and with `until`, in order, one by one. */
export function* cronTimes(line: CronLine, zone: Zone, after: number, until: number): Generator<NominalTime> {
  // A clock that is set back at midnight lets two days mingle: what is found waits until no further day can come before it.
  let pending: NominalTime[] = [];
  for (let day = startOfDay(after - OFFSET_MAX_MS); day - OFFSET_MAX_MS <= until; day = nextDay(line, day)) {
    const ready = pending.filter(({ at }) => at < day - OFFSET_MAX_MS);
    pending = pending.slice(ready.length);
    yield* ready;
    if (!matchesDay(line, day)) continue;
    const found = timesOfDay(line, zone, day).filter(({ at }) => at > after && at <= until);
    pending = pending.length === 0 ? found : inOrder([...pending, ...found]);
  }
  yield* pending;
}

/** The last time before `before`, looked for as far back as `limit`. */
export function lastCronTime(line: CronLine, zone: Zone, before: number, limit: number): NominalTime | undefined {
  for (let back = 2 * DAY_MS; ; back *= 4) {
    const from = Math.max(before - back, limit);
    let last: NominalTime | undefined;
    for (const time of cronTimes(line, zone, from, before - 1)) last = time;
    if (last || from === limit) return last;
  }
}

/** Local days between two instants that the zone leaves out, such as 2011-12-30 in Apia, as `2011-12-30`. */
export function missingDays(zone: Zone, from: number, to: number): string[] {
  const spans = zone.spans(from, to);
  return spans.flatMap((span, index): string[] => {
    const next = spans[index + 1];
    if (!next) return [];
    const [gapFrom, gapTo] = [span.to + span.offsetMs, next.from + next.offsetMs];
    const days: string[] = [];
    for (let day = Math.ceil(gapFrom / DAY_MS) * DAY_MS; day + DAY_MS <= gapTo; day += DAY_MS) {
      days.push(new Date(day).toISOString().slice(0, 10));
    }
    return days;
  });
}

/** `day`: the local day's start as if it were UTC. */
function timesOfDay(line: CronLine, zone: Zone, day: number): NominalTime[] {
  const spans = zone.spans(day - OFFSET_MAX_MS, day + DAY_MS + OFFSET_MAX_MS);
  const seen = new Set<number>();
  const found: NominalTime[] = [];
  for (const span of spans) {
    const from = Math.max(day, span.from + span.offsetMs);
    const to = Math.min(day + DAY_MS, span.to + span.offsetMs);
    for (const hour of line.hours) {
      const hourStart = day + hour * HOUR_MS;
      if (hourStart + HOUR_MS <= from || hourStart >= to) continue;
      for (const minute of line.minutes) {
        const local = hourStart + minute * MINUTE_MS;
        if (local < from || local >= to || (line.fixed && seen.has(local))) continue;
        if (line.fixed) seen.add(local);
        found.push({ at: local - span.offsetMs, moved: false });
      }
    }
  }
  if (spans.length === 1) return found;
  if (line.fixed) found.push(...movedTimes(line, spans, day, seen));
  return inOrder(found);
}

/** Fixed times that the day's clock skips, unless it skips the whole day. */
function movedTimes(line: CronLine, spans: OffsetSpan[], day: number, seen: ReadonlySet<number>): NominalTime[] {
  return spans.flatMap((span, index): NominalTime[] => {
    const next = spans[index + 1];
    if (!next) return [];
    const [gapFrom, gapTo] = [span.to + span.offsetMs, next.from + next.offsetMs];
    if (gapFrom <= day && gapTo >= day + DAY_MS) return [];
    const skips = line.hours.some((hour) =>
      line.minutes.some((minute) => {
        const local = day + hour * HOUR_MS + minute * MINUTE_MS;
        return local >= gapFrom && local < gapTo && !seen.has(local);
      }),
    );
    return skips ? [{ at: next.from, moved: true }] : [];
  });
}

function inOrder(times: NominalTime[]): NominalTime[] {
  const sorted = times.sort((one, other) => one.at - other.at || Number(one.moved) - Number(other.moved));
  return sorted.filter(({ at }, index) => at !== sorted[index - 1]?.at);
}

function matchesDay(line: CronLine, day: number): boolean {
  const date = new Date(day);
  return (
    line.months.includes(date.getUTCMonth() + 1) &&
    line.daysOfMonth.includes(date.getUTCDate()) &&
    line.daysOfWeek.includes(date.getUTCDay())
  );
}

/** The next day, or the first of the next month when this month isn't the line's. */
function nextDay(line: CronLine, day: number): number {
  const date = new Date(day);
  if (line.months.includes(date.getUTCMonth() + 1)) return day + DAY_MS;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

function startOfDay(at: number): number {
  return Math.floor(at / DAY_MS) * DAY_MS;
}
