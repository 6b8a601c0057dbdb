// Which times are kept, and that every other one is refused in words.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTime, refuseTime } from '../../src/core/time.ts';

const RANGE = 'must be a time from 1970-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z';

test.each([
  ['9999-12-31T23:59:59-12:00', RANGE],
  ['1969-12-31T23:59:59.999Z', RANGE],
  ['1970-01-01T00:00:00+00:01', RANGE],
  ['0000-01-01T00:00:00Z', RANGE],
  ['tomorrow', RANGE],
  ['2016-12-31T23:59:60Z', expect.stringMatching(/leap second.*say the second before/)],
  ['2016-12-31T18:59:60.5-05:00', expect.stringContaining('leap second')],
])('%s is refused', (text, words) => {
  expect(readTime(text)).toEqual(words);
});

test.each(['1970-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59+12:00', '2030-01-01t00:00:00.5z'])(
  '%s is kept',
  (text) => {
    expect(readTime(text)).toBeInstanceOf(Date);
  },
);

test('what is kept is given back with four digits of a year', () => {
  fc.assert(
    fc.property(fc.date({ noInvalidDate: false }), (date) => {
      const isWritten = !Number.isNaN(date.getTime()) && /^\d{4}-/.test(date.toISOString()) && date.getTime() >= 0;
      expect(refuseTime(date) === undefined).toBe(isWritten);
    }),
  );
  for (const time of [undefined, null, '2030-01-01T00:00:00Z', 0]) expect(refuseTime(time)).toBe(RANGE);
});
