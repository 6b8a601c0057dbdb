// The routes of schedules over a real ledger: what is taken, what is refused in words, ETags, SQL beside HTTP.

import { beforeAll, expect, test } from 'vitest';
import { type ApiUnderTest, setup } from '../setup.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await setup();
});

const daily = (id: string, more: object = {}) => ({
  id,
  cron: '0 9 * * *',
  timeZone: 'Europe/Istanbul',
  type: 'note',
  payload: { user: 'ada', text: '{{localDate}}' },
  ...more,
});

test('a schedule is created with its defaults, listed, changed and removed, and its history stays', async () => {
  const created = await api.call('POST', '/v1/schedules', daily('first'));
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({
    overlap: 'skip',
    catchupWindow: '10m',
    jitter: '0s',
    origin: 'data',
    missed: 0,
  });
  expect(created.body.nextRuns).toHaveLength(10);
  expect(created.body.nextRuns[0]).toMatch(/T06:00:00\.000Z$/);
  expect((await api.call('POST', '/v1/schedules', daily('first'))).body).toMatchObject({ code: 'schedule_exists' });
  const { body: list } = await api.call('GET', '/v1/schedules?limit=1');
  expect(list.schedules.map(({ id }: { id: string }) => id)).toEqual(['first']);
  const put = await api.call('PUT', '/v1/schedules/first', daily('first', { cron: '15 9 * * *', catchupWindow: '1h' }));
  expect(put.body).toMatchObject({ cron: '15 9 * * *', catchupWindow: '1h' });
  expect((await api.call('DELETE', '/v1/schedules/first')).status).toBe(204);
  expect((await api.call('GET', '/v1/schedules/first')).status).toBe(404);
  const { body: history } = await api.call('GET', '/v1/schedules/first/history');
  expect(history.changes.map(({ action }: { action: string }) => action)).toEqual(['removed', 'changed', 'created']);
  expect(history.changes[0].actor).toBe('key settings');
});

test.each([
  [{ cron: '0 22-2 * * *' }, '/cron', '22,23,0,1,2'],
  [{ cron: '0 0 9 * * *' }, '/cron', 'without seconds'],
  [{ cron: '0 9 * * 1#2' }, '/cron', "'8-14' and '1'"],
  [{ cron: '0 0 30 2 *' }, '/cron', 'can never fire'],
  [{ cron: undefined }, '/cron', 'is missing'],
  [{ every: '5m' }, '/every', 'exclude each other'],
  [{ cron: undefined, every: '500ms' }, '/every', 'from 1s'],
  [{ timeZone: 'Mars/Olympus' }, '/timeZone', 'Europe/Berlin'],
  [{ timeZone: undefined }, '/timeZone', 'is missing'],
  [{ overlap: 'sometimes' }, '/overlap', 'bufferAll'],
  [{ catchupWindow: '1s' }, '/catchupWindow', 'from 10s'],
  [{ endAt: '2020-01-01T00:00:00Z' }, '/endAt', 'has passed'],
  [{ startAt: '2099-01-01T10:00:00Z', endAt: '2099-01-01T11:00:00Z' }, '/endAt', 'never fire'],
  [{ payload: { user: '' } }, '/payload/user', ''],
  [{ payload: { user: 'ada', text: 'at {{nominaltime}}' } }, '/payload', 'there are nominalTime'],
  [{ payload: { user: 'ada', pin: '[secret]' } }, '/payload', 'write the secret itself'],
  [{ type: 'nobody.knows' }, '/type', 'no event type'],
  [{ id: 'a b' }, '/id', 'letters'],
  [{ colour: 'red' }, '/colour', 'unknown field'],
])('%j is refused at %s', async (more, path, words) => {
  const { status, body } = await api.call('POST', '/v1/schedules', daily('refused', more));
  expect({ status, path: body.path }).toEqual({ status: 400, path });
  expect(body.detail).toContain(words);
});

test('of two who change one schedule the second with the old ETag is told', async () => {
  const { headers } = await api.call('POST', '/v1/schedules', daily('etag'));
  const match = { 'if-match': String(headers.etag) };
  expect((await api.call('PUT', '/v1/schedules/etag', daily('etag', { note: 'mine' }), match)).status).toBe(200);
  const late = await api.call('PUT', '/v1/schedules/etag', daily('etag', { note: 'yours' }), match);
  expect(late.body).toMatchObject({ status: 412, code: 'schedule_changed' });
  expect((await api.call('DELETE', '/v1/schedules/etag', undefined, { 'if-match': '"nonsense"' })).status).toBe(412);
});

test('a change of the rest leaves a pause as it is, and a trigger fills the templates', async () => {
  await api.call('POST', '/v1/schedules', daily('rest'));
  const paused = await api.call('POST', '/v1/schedules/rest/pause', { note: 'holidays' });
  expect(paused.body).toMatchObject({ paused: true, note: 'holidays' });
  const put = await api.call('PUT', '/v1/schedules/rest', daily('rest', { cron: '0 8 * * *' }));
  expect(put.body).toMatchObject({ paused: true, note: 'holidays' });
  expect((await api.call('POST', '/v1/schedules/rest/resume')).body).toMatchObject({ paused: false, note: null });
  const { status, body } = await api.call('POST', '/v1/schedules/rest/trigger');
  expect(status).toBe(202);
  const { body: event } = await api.call('GET', `/v1/events/${body.event}`);
  expect(event.payload.text).toMatch(/^\d{4}-\d\d-\d\d$/);
  const { body: page } = await api.call('GET', '/v1/schedules/rest/runs');
  expect(page.runs[0]).toMatchObject({ event: body.event, firedBy: 'person', state: 'QUEUED' });
});

test('a backfill says what it did, and a preview shows the wall clock, the gaps and the words', async () => {
  await api.call('POST', '/v1/schedules', daily('back'));
  const asked = { from: '2026-01-01T00:00:00Z', to: '2026-01-10T00:00:00Z' };
  const done = await api.call('POST', '/v1/schedules/back/backfill', asked);
  expect(done.body).toMatchObject({ nominal: 9, fired: 9, already: 0 });
  const future = await api.call('POST', '/v1/schedules/back/backfill', { ...asked, to: '2099-01-01T00:00:00Z' });
  expect(future.body).toMatchObject({ status: 400, path: '/to' });
  const rhythm = { cron: '30 6 1 * 1', timeZone: 'Europe/Istanbul', count: 1, from: '2027-05-31T12:00:00Z' };
  const { body } = await api.call('POST', '/v1/schedules/preview', rhythm);
  expect(body.words).toContain('both must match');
  expect(body.runs[0]).toMatchObject({
    at: '2027-11-01T03:30:00.000Z',
    local: '2027-11-01 06:30:00',
    offset: '+03:00',
  });
  const uneven = { cron: '*/45 * * * *', timeZone: 'UTC', count: 4, from: '2027-01-01T00:30:00Z' };
  const gaps = await api.call('POST', '/v1/schedules/preview', uneven);
  expect(gaps.body.runs.map(({ gap }: { gap: string }) => gap)).toEqual([null, '15m', '45m', '15m']);
});

test.each([
  [`cron = '0 22-2 * * *'`, 'turned range'],
  [`cron = '0 0 9 * * *'`, 'has 6 fields'],
  ['cron = null', 'cron or every must be given'],
  [`time_zone = 'Mars/X'`, 'is not a time zone'],
  [`overlap = 'often'`, 'must be skip'],
  [`id = 'other'`, "can't be changed"],
  [`catchup_window = '1 second'`, 'from 10s'],
  [`cron = '0 0 30 2 *'`, "can never fire: no month of '2' has a day of '30'"],
  [`cron = '0 0 31 apr,jun-jun,9-11/2 *'`, 'can never fire'],
  [`payload = '{"user": "ada", "text": "{{ userName }}"}'`, 'holds {{userName}}, which no firing fills'],
])('SQL that sets %s fails in words', async (columns, words) => {
  const { pool } = api.database;
  await pool.query(
    `insert into tem.schedule (id, cron, time_zone, type) values ('sql', '0 10 * * 6', 'Europe/Berlin', 'note') on conflict do nothing`,
  );
  const refused = expect.objectContaining({ code: 'TM400', message: expect.stringContaining(words) });
  await expect(pool.query(`update tem.schedule set ${columns} where id = 'sql'`)).rejects.toEqual(refused);
});

test.each([
  `cron = '0 0 31 4-5 *'`,
  `cron = '0 0 29 FEB *'`,
  `cron = '0 0 */31 2 *'`,
  `payload = '{"user": "{{scheduleId}}", "text": "{{ localDate }}"}'`,
])('SQL may set %s', async (columns) => {
  const { pool } = api.database;
  await pool.query(
    `insert into tem.schedule (id, cron, time_zone, type) values ('free', '0 10 * * 6', 'Europe/Berlin', 'note') on conflict do nothing`,
  );
  expect((await pool.query(`update tem.schedule set ${columns} where id = 'free'`)).rowCount).toBe(1);
});

test('a secret of the payload is masked in every answer, and what a GET gave writes it back by PUT', async () => {
  const payload = { user: 'ada', text: 'first', pin: 'pin-4711' };
  const created = await api.call('POST', '/v1/schedules', daily('secret', { payload }));
  expect(created.body.payload).toEqual({ ...payload, pin: '[secret]' });
  const { body: got } = await api.call('GET', '/v1/schedules/secret');
  const { body: list } = await api.call('GET', '/v1/schedules');
  const { body: history } = await api.call('GET', '/v1/schedules/secret/history');
  expect(JSON.stringify([got, list, history])).not.toContain('pin-4711');
  const put = await api.call(
    'PUT',
    '/v1/schedules/secret',
    daily('secret', { payload: { ...got.payload, text: 'second' } }),
  );
  expect(put.body.payload).toEqual({ user: 'ada', text: 'second', pin: '[secret]' });
  const { rows } = await api.database.pool.query(`select payload from tem.schedule where id = 'secret'`);
  expect(rows[0].payload).toEqual({ user: 'ada', text: 'second', pin: 'pin-4711' });
});

test('doubled braces go out as a text in braces', async () => {
  const payload = { user: 'ada', text: '{{{{name}}}} on {{localDate}}' };
  expect((await api.call('POST', '/v1/schedules', daily('literal', { payload }))).status).toBe(201);
  const { body } = await api.call('POST', '/v1/schedules/literal/trigger');
  const { body: event } = await api.call('GET', `/v1/events/${body.event}`);
  expect(event.payload.text).toMatch(/^\{\{name\}\} on \d{4}-\d\d-\d\d$/);
});
