// Schedules of code: what a person has changed survives a deployment, and what the code no longer declares goes.

import pino from 'pino';
import { beforeAll, expect, test } from 'vitest';
import type { CodeSchedule } from '../../../src/core/schedule.ts';
import { keepDeclared, registerSchedules } from '../../../src/core/schedules/code.ts';
import { defineSchedule } from '../../../src/core/schedules/define-schedule.ts';
import { presentSchedule } from '../../../src/core/schedules/present.ts';
import { getSchedule } from '../../../src/core/schedules/store.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

const log = pino({ level: 'silent' });
let pool: TestDatabase['pool'];

beforeAll(async () => {
  ({ pool } = await createDatabase());
});

const deploy = (by: string, ...schedules: CodeSchedule[]): Promise<void> =>
  registerSchedules(pool, [{ by, schedules }], log);
const row = async (id: string) => {
  const found = await getSchedule(pool, id);
  return found && presentSchedule(found);
};

test('a pause and a time that a person chose survive a deployment, and are shown as such', async () => {
  const sweep: CodeSchedule = { id: 'sweep', every: '10m', type: 'note', payload: { n: 1 } };
  await deploy('feature a', sweep);
  expect(await row('sweep')).toMatchObject({ origin: 'code', every: '10m', timeZone: 'UTC', declaredBy: 'feature a' });
  const { revision } = (await row('sweep')) ?? {};
  await deploy('feature a', sweep);
  expect((await row('sweep'))?.revision).toBe(revision);
  await pool.query(
    `update tem.schedule set paused = true, note = 'not now', every = null, cron = '0 3 * * *' where id = 'sweep'`,
  );
  await deploy('feature a', { ...sweep, every: '5m', payload: { n: 2 }, catchupWindow: '1h' });
  const after = await row('sweep');
  expect(after).toMatchObject({
    cron: '0 3 * * *',
    every: null,
    paused: true,
    note: 'not now',
    payload: { n: 2 },
    catchupWindow: '1h',
  });
  expect(after?.changed).toEqual(['cron', 'every', 'paused', 'note']);
});

test('what the code no longer declares is removed, and nobody else removes it', async () => {
  await deploy(
    'feature b',
    { id: 'one', every: '1h', type: 'note', payload: {} },
    { id: 'two', every: '1h', type: 'note', payload: {} },
  );
  await deploy('feature c');
  expect(await row('one')).toBeDefined();
  await deploy('feature b', { id: 'two', every: '1h', type: 'note', payload: {} });
  expect(await row('one')).toBeUndefined();
  expect(await row('two')).toBeDefined();
});

test('what no living worker declares goes after an hour', async () => {
  await deploy('module old', { id: 'orphan', every: '1h', type: 'note', payload: {} });
  await pool.query(`update tem.schedule set declared_at = declared_at - interval '2 hours' where id = 'orphan'`);
  await keepDeclared(pool, [{ by: 'feature b', schedules: [{ id: 'two', every: '1h', type: 'note', payload: {} }] }]);
  expect(await row('orphan')).toBeUndefined();
});

test('a schedule of people with the same id stays theirs', async () => {
  await pool.query(`insert into tem.schedule (id, every, time_zone, type) values ('theirs', '1 hour', 'UTC', 'note')`);
  await deploy('feature d', { id: 'theirs', every: '5m', type: 'other', payload: {} });
  expect(await row('theirs')).toMatchObject({ origin: 'data', every: '1h', type: 'note' });
});

test('a wrong definition names the schedule and what to write', () => {
  expect(() => defineSchedule({ id: 'x', cron: '0 22-2 * * *', type: 'note', payload: {} })).toThrow(
    `schedule "x": cron hour '22-2'`,
  );
  expect(() => defineSchedule({ id: 'a b', every: '1h', type: 'note', payload: {} })).toThrow('id must begin');
});
