// Which lines are taken, as what, and in which words others are refused (case S7).

import { expect, test } from 'vitest';
import { parseCron } from '../../../../src/core/schedules/calendar/cron.ts';

test.each([
  ['0 9 * * 1-5', { minutes: [0], hours: [9], daysOfWeek: [1, 2, 3, 4, 5], fixed: true }],
  ['*/45 * * * *', { minutes: [0, 45], fixed: false }],
  ['0 9 * JAN,dec Sun-tue', { months: [1, 12], daysOfWeek: [0, 1, 2] }],
  ['0 0 * * 7', { daysOfWeek: [0] }],
  ['0 0 * * 5-7', { daysOfWeek: [0, 5, 6] }],
  ['0 0 1-7 * 1', { daysOfMonth: [1, 2, 3, 4, 5, 6, 7], bothDays: true }],
  ['0 0 */2 * 1', { bothDays: false }],
  ['10-20/5 8-18 * * *', { minutes: [10, 15, 20], fixed: false }],
  ['@daily', { minutes: [0], hours: [0], fixed: true, text: '0 0 * * *' }],
  ['@Hourly', { minutes: [0], fixed: false }],
  ['  5   4 * * *  ', { text: '5 4 * * *' }],
])('%s is taken', (line, wanted) => {
  expect(parseCron(line)).toMatchObject(wanted);
});

test.each([
  ['0 22-2 * * *', '22,23,0,1,2'],
  ['0 8 * * fri-mon', '5,6,0,1'],
  ['0 9 * * 1#2', `'8-14' and '1'`],
  ['0 9 L * *', 'the first day of the next month'],
  ['0 9 15W * *', 'write the days'],
  ['0 9 ? * 1', 'write *'],
  ['0 0 9 * * *', 'without seconds'],
  ['0 9 * *', 'has 4 fields'],
  ['', 'has 0 fields'],
  ['0 0 30 2 *', 'can never fire'],
  ['0 0 31 4,6,9,11 *', 'can never fire'],
  ['60 * * * *', 'write 0 to 59'],
  ['0 24 * * *', 'write 0 to 23'],
  ['0 0 0 * *', 'write 1 to 31'],
  ['0 0 * 13 *', 'jan to dec'],
  ['0 0 * * 8', 'sun to sat'],
  ['*/0 * * * *', 'step of 0'],
  ['5/15 * * * *', '5-59/15'],
  ['1,,2 * * * *', `has ''`],
  ['a * * * *', 'write 0 to 59'],
  ['@every 5m', '"every": "10m"'],
  ['@reboot', 'is no schedule'],
  ['@noon', '@daily'],
  ['0 9 * * 1 root /bin/true', 'without seconds'],
])('%s is refused and says what to write', (line, words) => {
  expect(() => parseCron(line)).toThrow(words);
});
