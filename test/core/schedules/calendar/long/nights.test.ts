// All zones that changed between 2000 and 2040: no change is overlooked, and around a part of every zone's changes the
// calendar gives the times of the oracle.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../../../src/core/schedules/calendar/zone.ts';
import { aroundChange, line, nightsOf } from '../nights.ts';

const LINES_PER_NIGHT = 20;
const NIGHTS_PER_ZONE = 4;
const HOUR_MS = 3_600_000;
const zones = Intl.supportedValuesOf('timeZone');

test('no zone has an offset that its spans do not tell', () => {
  for (const zone of zones) {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    for (let at = Date.UTC(2000, 0, 1); at < Date.UTC(2040, 0, 1); at += 25 * HOUR_MS) {
      const [, sign, hours = '0', minutes = '0'] = /GMT(?:([+-])(\d+):(\d+))?/.exec(format.format(at)) ?? [];
      const offsetMs = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000 || 0;
      if (zoneOf(zone).offsetAt(at) !== offsetMs)
        expect({ zone, at: new Date(at), offsetMs: zoneOf(zone).offsetAt(at) }).toEqual({
          zone,
          at: new Date(at),
          offsetMs,
        });
    }
  }
});

test('in every zone the times around clock changes are those of the oracle', () => {
  for (const zone of zones) {
    const nights = nightsOf(zone);
    if (nights.length === 0) continue;
    const lines = fc.array(line, { minLength: LINES_PER_NIGHT, maxLength: LINES_PER_NIGHT });
    fc.assert(
      fc.property(fc.constantFrom(...nights), lines, (night, texts) => {
        for (const { got, wanted, ...which } of aroundChange(night, texts))
          expect({ ...which, got }).toEqual({ ...which, got: wanted });
      }),
      { numRuns: NIGHTS_PER_ZONE },
    );
  }
});
