// Failures in groups of like errors, and finding the events of one.

import { expect, it } from 'vitest';
import { type ApiUnderTest, setup } from './setup.ts';

async function fail({ database }: ApiUnderTest, type: string, errors: readonly string[], state = 'EXTINCT') {
  await database.pool.query(
    `with made as (
       insert into tem.event (type, key, payload) select $1, tem.uuid_v7()::text, '{"user": "u"}' from unnest($2::text[]) returning id
     ) select id from made`,
    [type, errors],
  );
  await database.pool.query(
    `with numbered as (
       select id, row_number() over (order by id) as n from tem.event where type = $1 and state = 'QUEUED'
     )
     update tem.event e set state = $3, last_error = ($2::text[])[n], version = 2, retry_count = 1, due_by = null,
       due_at = case when $3 = 'FAILED' then now() + interval '1 h' end, next_retry_at = case when $3 = 'FAILED' then now() + interval '1 h' end
     from numbered where e.id = numbered.id`,
    [type, errors, state],
  );
}

it('groups what failed by what the errors have in common, and finds the events of a group', async () => {
  const api = await setup();
  await fail(api, 'note', ['order 1 is gone', 'order 2 is gone', 'HTTP 503']);
  await fail(api, 'note', ['order 77 is gone'], 'FAILED');
  await fail(api, 'anything', ['order 5 is gone']);
  const { status, body } = await api.call('GET', '/v1/failures');
  expect(status).toBe(200);
  expect(body).toMatchObject({ complete: true, nextCursor: null });
  expect(body.failures).toHaveLength(3);
  const [most] = body.failures;
  expect(most).toMatchObject({
    type: 'note',
    error: 'order 77 is gone',
    pattern: 'order * is gone',
    count: 3,
    countIsExact: true,
    note: null,
  });
  expect(most.firstAt <= most.lastAt).toBe(true);
  const found = await api.call('GET', `/v1/events?type=note&fingerprint=${most.fingerprint}&limit=2`);
  expect(found.body.events).toHaveLength(2);
  const rest = await api.call(
    'GET',
    `/v1/events?type=note&fingerprint=${most.fingerprint}&limit=2&cursor=${found.body.nextCursor}`,
  );
  expect(rest.body).toMatchObject({ events: [{ type: 'note' }], nextCursor: null });
  const ofBoth = await api.call('GET', `/v1/events?state=EXTINCT&fingerprint=${most.fingerprint}`);
  expect(ofBoth.body.events).toHaveLength(3);
  expect((await api.call('GET', '/v1/failures?type=anything')).body.failures).toHaveLength(1);
  expect((await api.call('GET', '/v1/failures?to=2020-01-01T00:00:00Z')).body.failures).toEqual([]);
});

it('keeps a note for a group, and takes it away', async () => {
  const api = await setup();
  await fail(api, 'note', ['boom']);
  const note = async () => (await api.call('GET', '/v1/failures')).body.failures[0];
  const { fingerprint } = await note();
  const put = (text: unknown, at = fingerprint) => api.call('PUT', `/v1/failures/${at}`, { note: text });
  expect(await put('the shop is closed on Mondays')).toMatchObject({ status: 200 });
  expect((await note()).note).toBe('the shop is closed on Mondays');
  expect(await put('')).toMatchObject({ status: 200 });
  expect((await note()).note).toBe(null);
  expect(await put('x', 'nonsense')).toMatchObject({ status: 400, body: { path: '/fingerprint' } });
  expect(await put('a\0b')).toMatchObject({ status: 400 });
});

it('finds events by values in their payloads, numbers by all their digits', async () => {
  const api = await setup();
  const make = async (payload: unknown): Promise<string> =>
    (await api.call('POST', '/v1/events', { type: 'anything', payload })).body.id;
  const first = await make({ order: { id: 123, lines: [{ sku: 'a"b' }, { sku: 'c' }] }, paid: true });
  const second = await make({ order: { id: 1234 }, paid: false, ratio: 0.2345678901234568 });
  const third = await make({ order: { id: '123' } });
  await api.call('POST', '/v1/events', { type: 'note', payload: { user: 'u', pin: '4711' } });
  const found = async (...terms: string[]) => {
    const query = terms.map((term) => `payload=${encodeURIComponent(term)}`).join('&');
    const { status, body } = await api.call('GET', `/v1/events?${query}`);
    return status === 200 ? body.events.map(({ id }: { id: string }) => id).reverse() : body;
  };
  expect(await found('order.id:123')).toEqual([first, third]);
  expect(await found('order.id:"123"')).toEqual([third]);
  expect(await found('order.id:123', 'paid:true')).toEqual([first]);
  expect(await found('order.lines.sku:a"b')).toEqual([first]);
  expect(await found('ratio:0.2345678901234568')).toEqual([second]);
  expect(await found('ratio:0.2345678901234567')).toEqual([]);
  // A secret is not found by its value.
  expect(await found('pin:4711')).toEqual([]);
  expect(await found('nonsense')).toMatchObject({ code: 'invalid_query' });
});

it('finds what is being retried', async () => {
  const api = await setup();
  await fail(api, 'note', ['boom'], 'FAILED');
  await fail(api, 'note', ['boom'], 'EXTINCT');
  await api.call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } });
  const { body } = await api.call('GET', '/v1/events?retrying=true');
  expect(body.events).toMatchObject([{ state: 'FAILED', retryCount: 1 }]);
});
