// Flow limits over HTTP, and why an event waits.

import { expect, test } from 'vitest';
import { registerLiveWorker, setup } from './setup.ts';

const shared = await setup();

test('sets, reads, lists and removes the limits of types and groups', async () => {
  const { call } = await setup();
  expect(await call('GET', '/v1/flows/note')).toMatchObject({
    status: 200,
    body: { type: 'note', group: null, paused: false, maxInFlight: null, rate: null },
  });
  const flow = { paused: true, maxInFlight: 3, rate: { limit: 100, per: 'minute' } };
  expect(await call('PUT', '/v1/flows/note', flow)).toMatchObject({ status: 200, body: flow });
  expect(await call('PUT', '/v1/flows/note/a%2Fb', { rate: null })).toMatchObject({
    status: 200,
    body: { group: 'a/b', paused: false, maxInFlight: null, rate: null },
  });
  expect((await call('GET', '/v1/flows/note')).body).toMatchObject(flow);
  const first = await call('GET', '/v1/flows?limit=1');
  expect(first.body.flows).toMatchObject([{ type: 'note', group: null }]);
  const second = await call('GET', `/v1/flows?limit=1&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ flows: [{ group: 'a/b' }], nextCursor: null });
  expect((await call('DELETE', '/v1/flows/note')).status).toBe(204);
  expect((await call('DELETE', '/v1/flows/note')).status).toBe(204);
  expect((await call('GET', '/v1/flows')).body.flows).toHaveLength(1);
});

test('says what new limits would have done with what came, and changes nothing', async () => {
  const { call } = await setup();
  const events = Array.from({ length: 120 }, () => ({ type: 'note', payload: { user: 'ada' }, group: 'a' }));
  await call('POST', '/v1/events/batch', { events });
  const rate = { limit: 30, per: 'minute' };
  expect(await call('PUT', '/v1/flows/note/a?simulate=1h', { rate })).toMatchObject({
    status: 200,
    body: { simulated: '1h', rate, arrivals: 120, backlog: { max: 90, atEnd: 90 }, perMinuteMax: 30 },
  });
  expect((await call('PUT', '/v1/flows/note/b?simulate=24h', { rate })).body).toMatchObject({
    arrivals: 0,
    waitMs: null,
  });
  expect((await call('GET', '/v1/flows')).body.flows).toEqual([]);
});

test.each([
  ['PUT', '/v1/flows/note?simulate=25h', {}, 400, '/simulate'],
  ['PUT', '/v1/flows/note?simulate=soon', {}, 400, '/simulate'],
  ['PUT', '/v1/flows/note', { pause: true }, 400, '/pause'],
  ['PUT', '/v1/flows/note', { maxInFlight: 0 }, 400, '/maxInFlight'],
  ['PUT', '/v1/flows/note', { maxInFlight: '3' }, 400, '/maxInFlight'],
  ['PUT', '/v1/flows/note', { rate: { limit: 1, per: 'hour' } }, 400, '/rate/per'],
  ['PUT', '/v1/flows/note', { rate: { limit: 1.5, per: 'second' } }, 400, '/rate/limit'],
  ['PUT', '/v1/flows/note', { rate: { limit: 1 } }, 400, '/rate/per'],
  ['PUT', '/v1/flows/note', { rate: { limit: 1, per: 'second', burst: 2 } }, 400, '/rate/burst'],
  ['PUT', '/v1/flows/nobody', { paused: true }, 404, '/type'],
  ['GET', '/v1/flows/nobody', undefined, 404, '/type'],
  ['DELETE', '/v1/flows/nobody', undefined, 404, '/type'],
  ['GET', '/v1/flows?limit=0', undefined, 400, '/limit'],
  ['GET', '/v1/flows?cursor=abc', undefined, 400, '/cursor'],
  ['PUT', `/v1/flows/note/${'%C3%BC'.repeat(257)}`, {}, 400, '/group'],
] as const)('%s %s %j is refused with %i at %s', async (method, url, body, status, path) => {
  expect(await shared.call(method, url, body)).toMatchObject({
    status,
    body: { status, path, code: expect.any(String) },
  });
});

test('an event says why it waits', async () => {
  const { call, database } = await setup();
  await registerLiveWorker(database, ['note']);
  const send = async () =>
    (await call('POST', '/v1/events', { type: 'note', payload: { user: 'ada' }, group: 'a' })).body.id;
  const waiting = async (id: string) => (await call('GET', `/v1/events/${id}`)).body.waiting;
  const first = await send();
  const second = await send();
  expect(await waiting(first)).toMatchObject({ reason: 'slots' });
  expect(await waiting(second)).toMatchObject({ reason: 'turn', detail: expect.any(String) });
  await call('PUT', '/v1/flows/note', { rate: { limit: 1, per: 'minute' } });
  await database.pool.query(`update tem.flow set next_free = clock_timestamp() + interval '30 s'`);
  const rate = await waiting(first);
  expect(rate).toMatchObject({ reason: 'rate', detail: expect.stringContaining('1 a minute') });
  expect(Date.parse(rate.until)).toBeGreaterThan(Date.now());
  await call('PUT', '/v1/flows/note/a', { maxInFlight: 1 });
  await database.pool.query(
    `update tem.flow set held = (select jsonb_build_object(id::text, 1) from tem.worker limit 1) where "group" = 'a'`,
  );
  expect(await waiting(first)).toMatchObject({ reason: 'slots', detail: expect.stringContaining('1 be in flight') });
  await call('PUT', '/v1/flows/note/a', { paused: true });
  expect(await waiting(first)).toMatchObject({ reason: 'paused', detail: expect.stringContaining('"a"') });
  const { body } = await call('GET', '/v1/events');
  expect(body.events.map((event: { waiting: { reason: string } }) => event.waiting.reason)).toEqual([
    'paused',
    'paused',
  ]);
});
