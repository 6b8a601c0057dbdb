// Edit and retry: what a person gives an event anew is kept digit by digit, checked as at accept, with the old one beside it.

import { expect, it } from 'vitest';
import { type ApiUnderTest, setup } from './setup.ts';

async function extinct({ call, database }: ApiUnderTest, type: string, payload: string, key = 'k'): Promise<string> {
  const { rows } = await database.pool.query<{ id: string }>(
    `insert into tem.event (type, key, payload, state, retry_count, last_error, due_at, source)
     values ($1, $2, $3, 'EXTINCT', 3, 'boom', null, 'http') returning id`,
    [type, key, payload],
  );
  await call('GET', '/v1/event-types');
  return (rows[0] as { id: string }).id;
}

it('keeps every digit of an edited payload, and the old one beside it', async () => {
  const api = await setup();
  const id = await extinct(api, 'anything', '{"ratio": 0.2345678901234568, "a": 1.0, "k": 1}');
  const text = '{"ratio": 0.2345678901234568, "a": 1.0, "k": 2, "deep": [{"b": 100.50}]}';
  const { status, body } = await api.send(`/v1/events/${id}/retry`, `{"payload": ${text}}`);
  expect(status).toBe(202);
  expect(body).toMatchObject({
    state: 'QUEUED',
    payload: { k: 2 },
    previousPayloads: [{ payload: { k: 1, a: 1 }, actor: expect.any(String) }],
  });
  const raw = await api.app.inject({
    method: 'GET',
    url: `/v1/events/${id}/payload`,
    headers: { authorization: `Bearer ${(await import('../support/environment.ts')).ADMIN_KEY}` },
  });
  expect(raw.headers['content-type']).toContain('application/json');
  expect(raw.body).toBe('{"a": 1.0, "k": 2, "deep": [{"b": 100.50}], "ratio": 0.2345678901234568}');
  const { rows } = await api.database.pool.query('select action, target from tem.audit order by id');
  expect(rows.at(-1)).toEqual({ action: 'event.edit', target: id });
  // Who repeats what was sent at first still means this event.
  const repeat = { type: 'anything', key: 'k', payload: { ratio: 0.2345678901234568, a: 1, k: 1 } };
  expect(await api.call('POST', '/v1/events', repeat)).toMatchObject({ status: 200, body: { id } });
});

it('refuses what can not be kept as it was meant, in words, and changes nothing', async () => {
  const api = await setup();
  const id = await extinct(api, 'anything', '{"orderId": 1}');
  const noted = await extinct(api, 'note', '{"user": "u"}');
  const retry = (body: string, of = id) => api.send(`/v1/events/${of}/retry`, body);
  for (const [body, code, path, of] of [
    ['{"payload": {"orderId": 3544790567247868102}}', 'number_not_exact', '/payload/orderId'],
    ['{"payload": {"k": 1, "k": 2}}', 'twin_name', '/payload/k'],
    ['{"payload": 1, "payload": 2}', 'twin_name', '/payload'],
    ['{"payload": 1, "priority": 2}', 'unknown_field', '/priority'],
    ['[1]', 'invalid_field', ''],
    ['{"payload": {"text": "without a user"}}', 'invalid_payload', '/payload/user', noted],
    ['{"payload": {"user": "nobody"}}', 'invalid_payload', '/payload/user', noted],
  ] as const)
    expect(await retry(body, of), body).toMatchObject({ status: 400, body: { code, path } });
  const { rows } = await api.database.pool.query('select distinct state from tem.event');
  expect(rows).toEqual([{ state: 'EXTINCT' }]);
  const missing = '01900000-0000-7000-8000-000000000000';
  expect((await retry('{"payload": 1}', missing)).status).toBe(404);
});

it('leaves a secret as it is where its mask comes back', async () => {
  const api = await setup();
  const id = await extinct(api, 'note', '{"user": "u", "pin": "4711"}');
  const { body: event } = await api.call('GET', `/v1/events/${id}`);
  expect(event.payload.pin).toBe('[secret]');
  const edited = { ...event.payload, text: 'new' };
  expect((await api.call('POST', `/v1/events/${id}/retry`, { payload: edited })).status).toBe(202);
  const { rows } = await api.database.pool.query('select payload from tem.event where id = $1', [id]);
  expect(rows).toEqual([{ payload: { user: 'u', pin: '4711', text: 'new' } }]);
  const { text } = { text: JSON.stringify((await api.call('GET', `/v1/events/${id}`)).body) };
  expect(text).not.toContain('4711');
});
