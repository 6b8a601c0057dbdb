// When a schedule fires, in words, so that a person sees what a line means before it runs; and the preview of its times.

import type { CronLine } from './calendar/cron.ts';
import { calendarOf, type Rhythm } from './calendar/index.ts';
import { missingDays } from './calendar/nominal.ts';
import { durationText } from './definition.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const LISTED_MAX = 8;

export interface PreviewRun {
  at: string;
  local: string;
  offset: string;
  gap: string | null;
  moved?: true;
}

export interface Preview {
  words: string;
  runs: PreviewRun[];
  missingDays: string[];
}

/** The first `count` times after `from`, Unix milliseconds. */
export function preview(rhythm: Rhythm, from: number, count: number): Preview {
  const calendar = calendarOf(rhythm);
  const runs: PreviewRun[] = [];
  let before: number | undefined;
  for (const { at, moved } of calendar.times(from)) {
    const offsetMs = calendar.zone.offsetAt(at);
    runs.push({
      at: new Date(at).toISOString(),
      local: new Date(at + offsetMs).toISOString().slice(0, 19).replace('T', ' '),
      offset: offsetText(offsetMs),
      gap: before === undefined ? null : durationText(at - before),
      ...(moved && { moved: true as const }),
    });
    before = at;
    if (runs.length === count) break;
  }
  return { words: words(rhythm), runs, missingDays: missingDays(calendar.zone, from, before ?? from) };
}

export function words(rhythm: Rhythm): string {
  const { cron } = calendarOf(rhythm);
  if (!cron) {
    return `every ${durationText(rhythm.everyMs ?? 0)} of elapsed time, counted from 1970-01-01T00:00Z: when clocks change, the time of day moves`;
  }
  return `${timeWords(cron)}${dayWords(cron)}, ${rhythm.timeZone} time`;
}

function timeWords({ minutes, hours, fixed }: CronLine): string {
  const times = hours.flatMap((hour) => minutes.map((minute) => `${two(hour)}:${two(minute)}`));
  if (times.length <= LISTED_MAX) return `at ${list(times)}${fixed ? '' : ', whenever the clock shows it'}`;
  const minuteWords = minutes.length === 60 ? 'every minute' : `at minute ${list(minutes.map(String))}`;
  return `${minuteWords} ${hours.length === 24 ? 'of every hour' : `of the hours ${list(hours.map(String))}`}`;
}

function dayWords({ daysOfMonth, daysOfWeek, months, bothDays }: CronLine): string {
  const weekdays = daysOfWeek.length === 7 ? '' : list(daysOfWeek.map((day) => DAYS[day] as string));
  const dates = daysOfMonth.length === 31 ? '' : list(daysOfMonth.map(String));
  const of = months.length === 12 ? '' : ` of ${list(months.map((month) => MONTHS[month - 1] as string))}`;
  if (bothDays && dates !== '' && weekdays !== '') {
    return ` on day ${dates}${of || ' of a month'}, only when it is a ${weekdays.replaceAll(', ', ' or ')} (both must match)`;
  }
  const day = [weekdays && ` on ${weekdays}`, dates && ` on day ${dates} of the month`].join('') || ' every day';
  return day + of;
}

/** `1, 2 and 3`, cut when it is long. */
function list(items: readonly string[]): string {
  return items.length <= 31 ? items.join(', ') : `${items.slice(0, 31).join(', ')} and ${items.length - 31} more`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function offsetText(offsetMs: number): string {
  const minutes = Math.abs(Math.trunc(offsetMs / 60_000));
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
