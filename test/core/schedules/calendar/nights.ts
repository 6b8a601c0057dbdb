// Nights in which clocks change, all zones together, and lines that have times in them.

import fc from 'fast-check';
import { parseCron } from '../../../../src/core/schedules/calendar/cron.ts';
import { cronTimes } from '../../../../src/core/schedules/calendar/nominal.ts';
import { zoneOf } from '../../../../src/core/schedules/calendar/zone.ts';
import { oracleTimes, wallMinutes } from './oracle.ts';

const DAY_MS = 86_400_000;
const FROM = Date.UTC(2000, 0, 1);
const TO = Date.UTC(2040, 0, 1);

export interface Night {
  zone: string;
  change: number;
}

/** Every change of every zone between 2000 and 2040. */
export function nightsOf(zone: string): Night[] {
  return zoneOf(zone)
    .spans(FROM, TO)
    .slice(1)
    .map(({ from }) => ({ zone, change: from }));
}

const clockHour = fc.integer({ min: 0, max: 23 });
const clockMinute = fc.constantFrom(0, 1, 15, 29, 30, 31, 45, 59);
const hours = fc.oneof(
  clockHour.map(String),
  fc.uniqueArray(clockHour, { minLength: 2, maxLength: 5 }).map((list) => list.join(',')),
  fc.constantFrom('*', '*/2', '*/5', '0-5', '0-6/2', '22-23', '1-3', '0,2,23'),
);
const minutes = fc.oneof(
  clockMinute.map(String),
  fc.constantFrom('*', '*/15', '*/20', '*/7', '*/45', '0,30', '10-40/10', '0-59'),
);
const days = fc.constantFrom('* * *', '* * 0', '* * 6', '* * 1-5', '*/2 * *', '1-7 * 0', '28-31 * *', '* 3,4,9-11 *');

export const line = fc.tuple(minutes, hours, days).map((fields) => fields.join(' '));

/** What the calendar and the oracle say of the lines around one change, by line. */
export function aroundChange({ zone, change }: Night, lines: readonly string[]) {
  const [from, to] = [change - 2 * DAY_MS, change + 2 * DAY_MS];
  const walked = wallMinutes(zone, from - 2 * DAY_MS, to + 2 * DAY_MS);
  return lines.map((text) => {
    const cron = parseCron(text);
    const wanted = oracleTimes(cron, walked).filter(({ at }) => at > from && at <= to);
    return { line: text, zone, wanted, got: [...cronTimes(cron, zoneOf(zone), from, to)] };
  });
}
