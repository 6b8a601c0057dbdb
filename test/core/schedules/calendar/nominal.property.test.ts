// The calendar against an oracle that walks every minute, in nights in which clocks change, and against croner where that is
// right. All zones and nights: test/core/schedules/calendar/long.

import { Cron } from 'croner';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCron } from '../../../../src/core/schedules/calendar/cron.ts';
import { cronTimes } from '../../../../src/core/schedules/calendar/nominal.ts';
import { zoneOf } from '../../../../src/core/schedules/calendar/zone.ts';
import { aroundChange, line, nightsOf } from './nights.ts';

const LINES_PER_NIGHT = 12;
const NIGHTS = 12;
const CRONER_RUNS = 150;
const TIMES = 6;
const TIMEOUT_MS = 120_000;
/** Gaps at midnight, of half an hour, over a whole day, twice in a year, in winter, and the usual ones. */
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/Santiago',
  'America/Nuuk',
  'America/Havana',
  'Asia/Beirut',
  'Asia/Gaza',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'Antarctica/Troll',
  'Europe/Dublin',
  'Pacific/Apia',
  'Pacific/Norfolk',
  'Asia/Pyongyang',
  'America/Caracas',
  'America/Sao_Paulo',
  'Europe/Istanbul',
  'Asia/Tehran',
];

test(
  'around every kind of clock change the times are those of an oracle that walks every minute',
  () => {
    const night = fc.constantFrom(...ZONES).chain((zone) => fc.constantFrom(...nightsOf(zone)));
    const lines = fc.array(line, { minLength: LINES_PER_NIGHT, maxLength: LINES_PER_NIGHT });
    fc.assert(
      fc.property(night, lines, (where, texts) => {
        for (const { got, wanted, ...which } of aroundChange(where, texts))
          expect({ ...which, got }).toEqual({ ...which, got: wanted });
      }),
      { numRuns: NIGHTS },
    );
  },
  TIMEOUT_MS,
);

// croner moves no fixed time over a gap and fires some twice, so it is asked where no clock changes.
test(
  'where no clock changes the times are those of croner',
  () => {
    const zone = fc.constantFrom('UTC', 'Asia/Tokyo', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/Bogota');
    const from = fc.integer({ min: Date.UTC(2021, 0, 1) / 60_000, max: Date.UTC(2039, 0, 1) / 60_000 });
    fc.assert(
      fc.property(zone, line, from, (timeZone, text, minute) => {
        const after = minute * 60_000;
        const theirs = new Cron(text, { timezone: timeZone, domAndDow: true }).nextRuns(TIMES, new Date(after));
        const ours = cronTimes(parseCron(text), zoneOf(timeZone), after, after + 400 * 86_400_000);
        const first = Array.from({ length: theirs.length }, () => ours.next().value?.at);
        expect({ text, timeZone, first }).toEqual({ text, timeZone, first: theirs.map((time) => time.getTime()) });
      }),
      { numRuns: CRONER_RUNS },
    );
  },
  TIMEOUT_MS,
);
