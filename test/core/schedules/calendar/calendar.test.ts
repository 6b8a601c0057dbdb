// The nights that people reported, with the answers that a clock on the wall gives (cases S1, S3, S5 and S7).

import { expect, test } from 'vitest';
import { calendarOf } from '../../../../src/core/schedules/calendar/index.ts';
import { missingDays } from '../../../../src/core/schedules/calendar/nominal.ts';
import { zoneOf, zoneProblem } from '../../../../src/core/schedules/calendar/zone.ts';

const NEVER = { startAt: null, endAt: null };

/** Times after `after`, `moved` ones with an m. */
function next(cron: string, timeZone: string, after: string, count: number): string[] {
  const times = calendarOf({ cron, everyMs: null, timeZone, ...NEVER }).times(Date.parse(after));
  return Array.from({ length: count }, () => {
    const time = times.next().value;
    return time ? `${new Date(time.at).toISOString().slice(0, 16)}${time.moved ? 'm' : ''}` : 'none';
  });
}

function between(cron: string, timeZone: string, from: string, to: string): number[] {
  const times = calendarOf({ cron, everyMs: null, timeZone, ...NEVER }).times(Date.parse(from), Date.parse(to) - 1);
  return [...times].map(({ at }) => at);
}

test('a time that the spring change skips moves to the first instant after the gap, and the days around it stay', () => {
  expect(next('30 2 * * *', 'Europe/Berlin', '2027-03-26T23:00Z', 3)).toEqual([
    '2027-03-27T01:30',
    '2027-03-28T01:00m',
    '2027-03-29T00:30',
  ]);
});

test('a Sunday noon after the change is that Sunday, not a week later', () => {
  expect(next('0 12 * * 0', 'Europe/Berlin', '2027-03-25T11:00Z', 1)).toEqual(['2027-03-28T10:00']);
});

test('an evening on the day of the autumn change fires once', () => {
  expect(next('0 20 * * *', 'Europe/Paris', '2026-10-24T22:00Z', 2)).toEqual(['2026-10-25T19:00', '2026-10-26T19:00']);
});

test.each([
  ['Europe/Berlin', '2026-10-24T21:00Z', '2026-10-25T05:00Z'],
  ['America/New_York', '2026-11-01T03:00Z', '2026-11-01T11:00Z'],
  ['Europe/London', '2026-10-24T21:00Z', '2026-10-25T05:00Z'],
])('each quarter of an hour of the autumn night in %s fires, once', (zone, from, to) => {
  const times = between('*/15 * * * *', zone, from, to);
  expect(times).toHaveLength(31);
  expect(times.every((at, index) => index === 0 || at - (times[index - 1] as number) === 15 * 60_000)).toBe(true);
});

test('day of month and day of week both given must both match', () => {
  expect(next('30 6 1 * 1', 'Europe/Istanbul', '2027-05-31T12:00Z', 1)).toEqual(['2027-11-01T03:30']);
});

test.each([
  ['30 1 * * *', 'America/New_York', '2027-11-07T00:00Z', ['2027-11-07T05:30', '2027-11-08T06:30']],
  ['0 9 * * 0', 'America/Santiago', '2027-09-04T12:00Z', ['2027-09-05T12:00', '2027-09-12T12:00']],
  ['0 9 * * 6', 'America/Santiago', '2027-09-04T14:00Z', ['2027-09-11T12:00']],
  ['0 0 * * *', 'America/Santiago', '2027-09-04T05:00Z', ['2027-09-05T04:00m', '2027-09-06T03:00']],
  ['15 2 * * *', 'Australia/Lord_Howe', '2027-10-02T00:00Z', ['2027-10-02T15:30m', '2027-10-03T15:15']],
  ['0 12 * * *', 'Pacific/Apia', '2011-12-29T12:00Z', ['2011-12-29T22:00', '2011-12-30T22:00']],
  ['*/20 23 * * *', 'America/Nuuk', '2027-03-27T12:00Z', ['2027-03-29T00:00', '2027-03-29T00:20', '2027-03-29T00:40']],
  ['0 0 29 2 1', 'UTC', '2024-03-01T00:00Z', ['2044-02-29T00:00']],
])('%s in %s', (line, zone, after, wanted) => {
  expect(next(line, zone, after, wanted.length)).toEqual(wanted);
});

test('a day that does not exist fires nothing and is listed', () => {
  const [from, to] = [Date.parse('2011-12-28T00:00Z'), Date.parse('2012-01-02T00:00Z')];
  expect(missingDays(zoneOf('Pacific/Apia'), from, to)).toEqual(['2011-12-30']);
  expect(between('0 12 * * *', 'Pacific/Apia', '2011-12-29T10:00Z', '2011-12-31T10:00Z')).toHaveLength(2);
});

test('steps that do not divide the hour fire from its start', () => {
  expect(next('*/45 * * * *', 'UTC', '2027-01-01T00:30Z', 3)).toEqual([
    '2027-01-01T00:45',
    '2027-01-01T01:00',
    '2027-01-01T01:45',
  ]);
});

test('an interval is a multiple of itself since 1970, and elapsed time when clocks change', () => {
  const every = (ms: number, timeZone: string, after: string, count: number): string[] => {
    const times = calendarOf({ cron: null, everyMs: ms, timeZone, ...NEVER }).times(Date.parse(after));
    return Array.from({ length: count }, () => new Date(times.next().value?.at ?? 0).toISOString().slice(0, 16));
  };
  expect(every(45 * 60_000, 'UTC', '2026-12-31T23:59Z', 4)).toEqual([
    '2027-01-01T00:00',
    '2027-01-01T00:45',
    '2027-01-01T01:30',
    '2027-01-01T02:15',
  ]);
  expect(every(86_400_000, 'Europe/Berlin', '2026-10-24T12:00Z', 2)).toEqual(['2026-10-25T00:00', '2026-10-26T00:00']);
});

test('start and end are possible times, and what lies outside is none', () => {
  const calendar = calendarOf({
    cron: '0 9 * * *',
    everyMs: null,
    timeZone: 'UTC',
    startAt: new Date('2027-01-02T09:00Z'),
    endAt: new Date('2027-01-03T09:00Z'),
  });
  expect([...calendar.times(0)].map(({ at }) => new Date(at).toISOString().slice(0, 10))).toEqual([
    '2027-01-02',
    '2027-01-03',
  ]);
  expect(calendar.isNominal(Date.parse('2027-01-02T09:00Z'))).toBe(true);
  expect(calendar.isNominal(Date.parse('2027-01-04T09:00Z'))).toBe(false);
  expect(calendar.isNominal(Date.parse('2027-01-02T09:01Z'))).toBe(false);
});

test('the time before is found however long ago it was', () => {
  const calendar = calendarOf({ cron: '0 0 29 2 *', everyMs: null, timeZone: 'Europe/Berlin', ...NEVER });
  expect(new Date(calendar.previous(Date.parse('2027-06-01T00:00Z'))?.at ?? 0).toISOString()).toBe(
    '2024-02-28T23:00:00.000Z',
  );
});

test.each(['Mars/Olympus', 'CET', '+03:00', 'Europe', ''])('%s is no time zone', (name) => {
  expect(zoneProblem(name)).toContain('Europe/Berlin');
});

test('ten thousand next times take well under a second', () => {
  const calendars = Array.from({ length: 100 }, (_, index) =>
    calendarOf({ cron: `${index % 60} ${index % 24} * * *`, everyMs: null, timeZone: 'Europe/Berlin', ...NEVER }),
  );
  calendars[0]?.next(Date.UTC(2027, 0, 1));
  const begun = performance.now();
  for (let round = 0; round < 100; round++)
    for (const calendar of calendars) calendar.next(Date.UTC(2027, 0, 1 + round));
  expect(performance.now() - begun).toBeLessThan(2_000);
});
