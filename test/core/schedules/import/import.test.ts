// What comes of other programs' schedules: by their own rules, never the same line with another meaning (case S5).

import { expect, test } from 'vitest';
import { calendarOf } from '../../../../src/core/schedules/calendar/index.ts';
import { readCeleryBeat } from '../../../../src/core/schedules/import/celery.ts';
import { readCrontab } from '../../../../src/core/schedules/import/crontab.ts';
import type { ImportedSchedule } from '../../../../src/core/schedules/import/imported.ts';

const ISTANBUL = { timeZone: 'Europe/Istanbul', type: 'job', paused: false };

function times(schedules: readonly ImportedSchedule[], from: string, to: string): string[] {
  const found = schedules.flatMap(({ cron = null, timeZone }) => [
    ...calendarOf({ cron, everyMs: null, timeZone, startAt: null, endAt: null }).times(
      Date.parse(from),
      Date.parse(to),
    ),
  ]);
  return [...new Set(found.map(({ at }) => new Date(at).toISOString().slice(0, 16)))].sort();
}

test("a crontab's day of month or day of week becomes two schedules that fire on either", () => {
  const { schedules, refused } = readCrontab('30 6 1 * 1 /usr/bin/report --all\n', ISTANBUL);
  expect(refused).toEqual([]);
  expect(schedules).toMatchObject([
    { id: 'usr-bin-report---all', cron: '30 6 1 * *', payload: { command: '/usr/bin/report --all' } },
    { id: 'usr-bin-report---all-2', cron: '30 6 * * 1' },
  ]);
  expect(times(schedules, '2027-05-31T12:00Z', '2027-06-30T00:00Z')).toEqual(
    ['01', '07', '14', '21', '28'].map((day) => `2027-06-${day}T03:30`),
  );
});

test('a dump of celery beat keeps its line: both days must match', () => {
  const dump = [
    {
      model: 'django_celery_beat.crontabschedule',
      pk: 1,
      fields: {
        minute: '30',
        hour: '6',
        day_of_month: '1',
        month_of_year: '*',
        day_of_week: '1',
        timezone: 'Europe/Istanbul',
      },
    },
    { model: 'django_celery_beat.intervalschedule', pk: 2, fields: { every: 10, period: 'minutes' } },
    { model: 'django_celery_beat.intervalschedule', pk: 3, fields: { every: 5, period: 'microseconds' } },
    {
      model: 'django_celery_beat.periodictask',
      pk: 1,
      fields: {
        name: 'Daily report',
        task: 'app.report',
        crontab: 1,
        interval: null,
        args: '[1]',
        kwargs: '{"a": 2}',
        enabled: false,
      },
    },
    {
      model: 'django_celery_beat.periodictask',
      pk: 2,
      fields: { name: 'Sweep', task: 'app.sweep', crontab: null, interval: 2, args: '[]', kwargs: '{}', enabled: true },
    },
    {
      model: 'django_celery_beat.periodictask',
      pk: 3,
      fields: { name: 'Too fast', task: 'app.fast', interval: 3, enabled: true },
    },
    {
      model: 'django_celery_beat.periodictask',
      pk: 4,
      fields: { name: 'Once', task: 'app.once', interval: 2, one_off: true },
    },
  ];
  const { schedules, refused } = readCeleryBeat(JSON.stringify(dump), ISTANBUL);
  expect(schedules).toEqual([
    {
      id: 'daily-report',
      cron: '30 6 1 * 1',
      timeZone: 'Europe/Istanbul',
      type: 'job',
      payload: { task: 'app.report', args: [1], kwargs: { a: 2 } },
      paused: true,
    },
    {
      id: 'sweep',
      every: '10m',
      timeZone: 'Europe/Istanbul',
      type: 'job',
      payload: { task: 'app.sweep', args: [], kwargs: {} },
    },
  ]);
  expect(refused.map(({ where }) => where)).toEqual(['Too fast', 'Once']);
  expect(times(schedules.slice(0, 1), '2027-05-31T12:00Z', '2027-12-01T00:00Z')).toEqual(['2027-11-01T03:30']);
});

test('settings, comments and zones of a crontab are read, and what cannot be taken is named by its line', () => {
  const text = [
    '# jobs',
    'MAILTO=ops@example.org',
    '@daily backup',
    'CRON_TZ=America/New_York',
    '0 22-2 * * * clean',
    '0 5 * * sun clean',
    'nonsense',
  ].join('\n');
  const { schedules, refused } = readCrontab(text, ISTANBUL);
  expect(schedules).toMatchObject([
    { id: 'backup', cron: '@daily', timeZone: 'Europe/Istanbul' },
    { id: 'clean', cron: '0 5 * * sun', timeZone: 'America/New_York' },
  ]);
  expect(refused).toMatchObject([{ where: 'line 5' }, { where: 'line 7' }]);
  expect(refused[0]?.problem).toContain('22,23,0,1,2');
});
