// Firing on a real ledger: each nominal time once, whoever comes first; what the look makes of outages, overlaps and pauses.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { fireFromTemporal, triggerSchedule } from '../../../src/core/schedules/fire.ts';
import { dueSchedules, lookAt } from '../../../src/core/schedules/look.ts';
import { utcSecond } from '../../../src/core/schedules/schedule.ts';
import { getSchedule } from '../../../src/core/schedules/store.ts';
import { MINUTE_MS, useLedger } from './scene.ts';

const ledger = useLedger();
const dueIds = async (): Promise<string[]> => (await dueSchedules(ledger.pool)).map(({ id }) => id);

test('of many who fire the same time at once one makes the event', async () => {
  await ledger.create();
  const at = await ledger.nextAt();
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => fireFromTemporal(ledger.pool, { id: ledger.id, at, runId: randomUUID() })),
  );
  expect(answers.filter(({ answer }) => answer === 'taken')).toHaveLength(1);
  expect((await ledger.events()).map(({ key }) => key)).toEqual([`schedule/${ledger.id}/${utcSecond(at)}`]);
  expect(await ledger.counts()).toMatchObject({ fired: 1 });
});

test('a second that is no nominal time makes no event', async () => {
  await ledger.create();
  const at = await ledger.nextAt();
  expect(await fireFromTemporal(ledger.pool, { id: ledger.id, at: at - 7_000, runId: 'r' })).toEqual({
    answer: 'notNominal',
  });
  expect(await ledger.events()).toEqual([]);
});

test('an outage is made up for as far as the window reaches, and the rest is listed as missed', async () => {
  await ledger.create({}, 60 * MINUTE_MS);
  const found = await ledger.counts();
  expect(found.fired).toBeGreaterThanOrEqual(9);
  expect(found.fired).toBeLessThanOrEqual(10);
  expect(found.fired + found.missed).toBeGreaterThanOrEqual(59);
  expect((await getSchedule(ledger.pool, ledger.id))?.missed).toBe(found.missed);
  await lookAt(ledger.pool, [ledger.id]);
  expect(await ledger.counts()).toEqual(found);
});

test('a copy of the database that is 11 days old does not fire its past', async () => {
  await ledger.create({ every: null, cron: '0 10 * * 6' }, 11 * 24 * 60 * MINUTE_MS);
  const found = await ledger.counts();
  expect(found.fired).toBeLessThanOrEqual(1);
  expect(found.fired + found.missed).toBeGreaterThanOrEqual(1);
  expect(await ledger.events()).toHaveLength(found.fired);
});

test('switched on again after ten days it fires nothing: the Saturdays of the pause are listed as paused, the next one fires', async () => {
  await ledger.create({ every: null, cron: '0 10 * * 6', time_zone: 'Europe/Berlin', paused: true });
  await ledger.pool.query(
    `update tem.schedule_state set effective_from = effective_from - interval '10 days', accounted_until = accounted_until - interval '10 days',
       pauses = jsonb_set(pauses, '{0,from}', to_jsonb((pauses->0->>'from')::timestamptz - interval '10 days')) where schedule_id = $1`,
    [ledger.id],
  );
  await ledger.pool.query('update tem.schedule set paused = false where id = $1', [ledger.id]);
  await lookAt(ledger.pool, [ledger.id]);
  const found = await ledger.counts();
  expect(found).toMatchObject({ fired: 0, missed: 0, skipped: 0 });
  expect([1, 2]).toContain(found.paused);
  expect(await ledger.events()).toEqual([]);
  const next = new Date(await ledger.nextAt());
  expect(next.getTime()).toBeGreaterThan(Date.now());
  expect(next.getTime()).toBeLessThan(Date.now() + 8 * 24 * 60 * MINUTE_MS);
  const words = new Intl.DateTimeFormat('en-GB', { weekday: 'long', hour: '2-digit', timeZone: 'Europe/Berlin' });
  expect(words.format(next)).toMatch(/Saturday.*10/);
});

test('a long outage of every second is listed in bounded rows', async () => {
  await ledger.create({ every: '1 second', catchup_window: '10 seconds' }, 5 * 60 * MINUTE_MS);
  const found = await ledger.counts();
  expect(found.fired + found.missed).toBeGreaterThan(5 * 3_600 - 60);
  const { rows } = await ledger.pool.query('select from tem.schedule_run where schedule_id = $1', [ledger.id]);
  expect(rows.length).toBeLessThan(2_500);
});

test('overlap is decided against events of earlier firings, in the transaction of the firing', async () => {
  await ledger.create({ overlap: 'skip' }, 5 * MINUTE_MS);
  expect(await ledger.counts()).toMatchObject({ fired: 1 });
  const found = await ledger.counts();
  expect(found.skipped).toBeGreaterThanOrEqual(3);
  await ledger.endEvents();
  const next = await ledger.nextAt();
  expect(await fireFromTemporal(ledger.pool, { id: ledger.id, at: next, runId: 'c' })).toMatchObject({
    answer: 'taken',
    run: { outcome: 'fired' },
  });
});

test('bufferOne: one firing waits and starts when the event before it has ended', async () => {
  await ledger.create({ overlap: 'bufferOne' }, 5 * MINUTE_MS);
  expect(await ledger.counts()).toMatchObject({ fired: 1 });
  await ledger.endEvents();
  await lookAt(ledger.pool, [ledger.id]);
  expect(await ledger.counts()).toMatchObject({ fired: 2 });
  expect(await ledger.events()).toHaveLength(2);
});

test('cancelOther cancels the event before, terminateOther starts at once beside its cancelling', async () => {
  await ledger.create({ overlap: 'terminateOther' }, 4 * MINUTE_MS);
  const rows = await ledger.events();
  expect(rows.length).toBeGreaterThanOrEqual(3);
  const next = await ledger.nextAt();
  await fireFromTemporal(ledger.pool, { id: ledger.id, at: next, runId: 'x' });
  const states = await ledger.events();
  expect(states.at(-1)?.state).toBe('QUEUED');
  expect(states.slice(0, -1).every(({ state }) => state === 'CANCELLED')).toBe(true);
});

test('a trigger is an event of its own, and the same trigger again is the same', async () => {
  await ledger.create({ paused: true });
  const trigger = { id: randomUUID(), actor: 'ada' };
  const [first, second] = [
    await triggerSchedule(ledger.pool, ledger.id, trigger),
    await triggerSchedule(ledger.pool, ledger.id, trigger),
  ];
  expect(second?.event).toBe(first?.event);
  expect((await ledger.events()).map(({ key }) => key)).toEqual([`schedule/${ledger.id}/t/${trigger.id}`]);
});

test('a thousand schedules of one second are taken in sets, each once', async () => {
  await ledger.pool.query(
    `insert into tem.schedule (id, every, time_zone, type, overlap) select '${ledger.id}-' || n, '1 hour', 'UTC', 'note', 'allowAll' from generate_series(1, 1000) n`,
  );
  for (let ids = await dueIds(); ids.length > 0; ids = await dueIds()) await lookAt(ledger.pool, ids);
  await ledger.pool.query(
    `update tem.schedule_state set effective_from = effective_from - interval '1 hour', accounted_until = accounted_until - interval '1 hour',
       next_at = date_trunc('hour', clock_timestamp()), look_at = clock_timestamp() where schedule_id like '${ledger.id}-%'`,
  );
  await ledger.pool.query(`update tem.schedule set catchup_window = '2 hours' where id like '${ledger.id}-%'`);
  for (let ids = await dueIds(); ids.length > 0; ids = await dueIds())
    await Promise.all([lookAt(ledger.pool, ids), lookAt(ledger.pool, ids)]);
  const { rows } = await ledger.pool.query<{ count: number; keys: number }>(
    `select count(*)::int as count, count(distinct key)::int as keys from tem.event where key like 'schedule/${ledger.id}-%'`,
  );
  expect(rows[0]).toEqual({ count: 1_000, keys: 1_000 });
});
