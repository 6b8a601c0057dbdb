// Every change over HTTP leaves its row in the audit, and `GET /v1/audit` finds it.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { registerLiveWorker, setup } from './setup.ts';

const SCHEDULE = {
  ...{ id: 'nightly', cron: '0 3 * * *', timeZone: 'UTC', type: 'note', payload: { user: 'u' } },
  ...{ overlap: 'skip', catchupWindow: '1h' },
};

it('keeps why a change was made, whoever writes its row', async () => {
  const { call } = await setup();
  const headers = (reason: string) => ({ 'x-tem-reason': encodeURIComponent(reason) });
  const why = 'nöbetçi istedi: %50 "daha" yavaş';
  expect((await call('PUT', '/v1/flows/note', { maxInFlight: 5 }, headers(why))).status).toBe(200);
  expect((await call('POST', '/v1/schedules', SCHEDULE, headers('the year ends'))).status).toBe(201);
  await call('POST', '/v1/schedules/nightly/pause', { note: 'the shop moves' }, headers('another'));
  await call('PUT', '/v1/flows/note', { maxInFlight: 6 });
  const { entries } = (await call('GET', '/v1/audit')).body;
  expect(entries.map(({ action, reason }: Record<string, string>) => [action, reason])).toEqual([
    ['flow.put', undefined],
    ['schedule.pause', 'another'],
    ['schedule.create', 'the year ends'],
    ['flow.put', why],
  ]);
  for (const bad of ['%E0%A4%A', encodeURIComponent('a\u0007b'), 'x'.repeat(501)]) {
    const { status, body } = await call('PUT', '/v1/flows/note', { maxInFlight: 7 }, { 'x-tem-reason': bad });
    expect([status, body.code]).toEqual([400, 'invalid_header']);
  }
});

it('has every change with who, what, before and after', async () => {
  const { call, database } = await setup();
  await registerLiveWorker(database, ['note']);
  const { rows: workers } = await database.pool.query('select id from tem.worker');
  const worker = workers[0].id;
  const { body: event } = await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } });
  const { body: key } = await call('POST', '/v1/keys', { name: 'ops', role: 'operator' });
  const ops = { authorization: `Bearer ${key.key}` };
  const failed = await call('POST', '/v1/events', { type: 'note', payload: { user: 'v' } });
  await database.pool.query(`update tem.event set state = 'EXTINCT', due_at = null where id = $1`, [failed.body.id]);
  const calls = [
    ['PUT', '/v1/flows/note', { rate: { limit: 5, per: 'second' } }],
    ['DELETE', '/v1/flows/note'],
    ['POST', `/v1/events/${event.id}/cancel`],
    ['POST', `/v1/events/${failed.body.id}/retry`],
    ['POST', '/v1/schedules', SCHEDULE],
    ['POST', '/v1/schedules/nightly/pause', { note: 'the shop moves' }],
    ['POST', '/v1/schedules/nightly/trigger'],
    ['POST', `/v1/workers/${worker}/drain`],
  ] as const;
  for (const [method, url, body] of calls) {
    const { status } = await call(method, url, body, ops);
    expect(status, `${method} ${url}`).toBeLessThan(300);
  }
  await call('POST', `/v1/keys/${key.id}/rotate`);
  await call('DELETE', `/v1/keys/${key.id}`);

  const { entries } = (await call('GET', '/v1/audit?limit=100')).body;
  expect(entries.map(({ actor, action, target }: Record<string, string>) => [actor, action, target])).toEqual([
    ['key settings', 'key.revoke', key.id],
    ['key settings', 'key.rotate', key.id],
    ['key ops', 'worker.drain', worker],
    ['key ops', 'schedule.trigger', 'nightly'],
    ['key ops', 'schedule.pause', 'nightly'],
    ['key ops', 'schedule.create', 'nightly'],
    ['key ops', 'event.retry', failed.body.id],
    ['key ops', 'event.cancel', event.id],
    ['key ops', 'flow.delete', 'note'],
    ['key ops', 'flow.put', 'note'],
    ['key settings', 'key.create', key.id],
  ]);
  const of = (action: string) => entries.find((entry: { action: string }) => entry.action === action);
  expect(of('event.cancel')).toMatchObject({ before: { state: 'QUEUED' }, after: { state: 'CANCELLED' } });
  expect(of('flow.delete')).toMatchObject({ before: { rate: { limit: 5, per: 'second' } } });
  expect(of('key.create')).toMatchObject({ after: { name: 'ops', role: 'operator', payloads: true } });
  expect(JSON.stringify(entries)).not.toContain(key.key);
});

it('has nothing of what changed nothing, and of what was refused', async () => {
  const { call } = await setup();
  const { body: event } = await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } });
  expect((await call('POST', `/v1/events/${event.id}/retry`)).status).toBe(409);
  expect((await call('DELETE', '/v1/flows/note')).status).toBe(204);
  expect((await call('PUT', '/v1/flows/note?simulate=24h', {})).status).toBe(200);
  expect((await call('GET', '/v1/audit')).body).toEqual({ entries: [], nextCursor: null });
});

it('is found by actor, action, noun, target and time, page by page', async () => {
  const { call } = await setup();
  for (const type of ['note', 'anything', 'discreet']) await call('PUT', `/v1/flows/${type}`, { paused: true });
  await call('DELETE', '/v1/flows/note');
  const found = async (query: string): Promise<string[]> => {
    const { body } = await call('GET', `/v1/audit?${query}`);
    return body.entries.map(({ action, target }: Record<string, string>) => `${action} ${target}`);
  };
  expect(await found('action=flow.delete')).toEqual(['flow.delete note']);
  expect(await found('action=flow.*&target=note')).toEqual(['flow.delete note', 'flow.put note']);
  expect(await found('actor=key%20nobody')).toEqual([]);
  expect(await found('actor=key%20settings&limit=1')).toEqual(['flow.delete note']);
  expect(await found(`from=${new Date(Date.now() + 3_600_000).toISOString()}`)).toEqual([]);
  expect(await found(`to=${new Date(Date.now() + 3_600_000).toISOString()}`)).toHaveLength(4);
  const { nextCursor } = (await call('GET', '/v1/audit?limit=3')).body;
  expect((await call('GET', `/v1/audit?limit=3&cursor=${nextCursor}`)).body).toMatchObject({
    entries: [{ target: 'note' }],
    nextCursor: null,
  });
  for (const wrong of ['cursor=x', 'action=flow', 'from=today', 'limit=0', 'who=me']) {
    expect((await call('GET', `/v1/audit?${wrong}`)).status, wrong).toBe(400);
  }
});

it('is not for viewers, and without payloads says no more than who, what and why', async () => {
  const { call } = await setup();
  await call('PUT', '/v1/flows/note', { paused: true });
  const keyOf = async (body: object) => (await call('POST', '/v1/keys', body)).body.key;
  const viewer = await keyOf({ name: 'v', role: 'viewer' });
  const operator = await keyOf({ name: 'o', role: 'operator', payloads: false });
  expect((await call('GET', '/v1/audit', undefined, { authorization: `Bearer ${viewer}` })).status).toBe(403);
  const { entries } = (await call('GET', '/v1/audit', undefined, { authorization: `Bearer ${operator}` })).body;
  expect(entries.at(-1)).toEqual({
    ...{ at: expect.any(String), actor: 'key settings', action: 'flow.put', target: 'note' },
  });
});

it('is out of reach of a role that does not own it, by the lines of the documentation, and the API runs by that role', async () => {
  const { database } = await setup();
  const role = `app_${randomBytes(4).toString('hex')}`;
  const text = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8');
  const lines = /```sql\n([^`]+)```/.exec(text)?.[1] ?? '';
  expect(lines).toContain('create role tem_app');
  onTestFinished(async () => {
    await database.pool.query(`drop owned by ${role}`);
    await database.pool.query(`drop role ${role}`);
  });
  await database.pool.query(lines.replaceAll('tem_app', role).replace("'...'", "'app'"));
  const databaseUrl = Object.assign(new URL(database.databaseUrl), { username: role, password: 'app' }).href;
  const { call } = await setup({ databaseUrl });
  expect((await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } })).status).toBe(202);
  const { body: key } = await call('POST', '/v1/keys', { name: 'ops', role: 'operator' });
  const headers = { authorization: `Bearer ${key.key}` };
  expect((await call('PUT', '/v1/flows/note', { paused: true }, headers)).status).toBe(200);
  expect((await call('POST', '/v1/schedules', SCHEDULE, headers)).status).toBe(201);
  expect((await call('GET', '/v1/audit')).body.entries).toHaveLength(3);
  const app = await database.pool.connect();
  await app.query(`set role ${role}`);
  for (const statement of [
    `update tem.audit set actor = 'x'`,
    'delete from tem.audit',
    'truncate tem.audit',
    'alter table tem.audit disable trigger all',
  ]) {
    await expect(app.query(statement), statement).rejects.toThrow(/permission denied|must be owner/);
  }
  app.release(true);
});
