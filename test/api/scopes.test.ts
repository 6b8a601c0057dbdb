// What a caller is confined to, and what he may not see.

import { expect, it } from 'vitest';
import { type ApiUnderTest, setup } from './setup.ts';

async function keyed({ call }: ApiUnderTest, rights: object) {
  const { body, status } = await call('POST', '/v1/keys', {
    name: JSON.stringify(rights),
    role: 'operator',
    ...rights,
  });
  expect(status).toBe(201);
  const headers = { authorization: `Bearer ${body.key}` };
  return (method: 'GET' | 'POST', url: string, sent?: unknown) => call(method, url, sent, headers);
}

const post = async ({ call }: ApiUnderTest, type: string, user: string, group?: string): Promise<string> =>
  (await call('POST', '/v1/events', { type, payload: { user }, ...(group && { group }) })).body.id;

it('a key of some types or groups has those events alone, in lists and one by one', async () => {
  const api = await setup();
  const [note, acme, other] = [
    await post(api, 'note', 'a'),
    await post(api, 'anything', 'b', 'acme'),
    await post(api, 'anything', 'c', 'other'),
  ];
  const idsOf = async (call: Awaited<ReturnType<typeof keyed>>, query = '') => {
    const { body, status } = await call('GET', `/v1/events?${query}`);
    expect(status).toBe(200);
    return body.events.map(({ id }: { id: string }) => id).sort();
  };
  const cases: [object, string[]][] = [
    [{ types: ['note'] }, [note]],
    [{ types: ['anything', 'nowhere'] }, [acme, other]],
    [{ groups: ['acme'] }, [acme]],
    [{ groups: ['acme', 'other'] }, [acme, other]],
    [{ types: ['note'], groups: ['acme'] }, []],
  ];
  for (const [scopes, own] of cases) {
    const call = await keyed(api, { scopes });
    const what = JSON.stringify(scopes);
    expect(await idsOf(call), what).toEqual([...own].sort());
    // A search goes another way.
    expect(await idsOf(call, 'q=01'), what).toEqual([...own].sort());
    for (const id of [note, acme, other]) {
      const status = own.includes(id) ? 200 : 404;
      expect((await call('GET', `/v1/events/${id}`)).status, what).toBe(status);
      expect((await call('GET', `/v1/events/${id}/history`)).status, what).toBe(status);
      if (!own.includes(id)) expect((await call('POST', `/v1/events/${id}/cancel`)).status, what).toBe(404);
    }
  }
  const call = await keyed(api, { scopes: { types: ['note'], groups: ['acme', 'x'] } });
  expect(await idsOf(call, 'type=anything')).toEqual([]);
  expect(await idsOf(call, 'group=other')).toEqual([]);
});

it('what an event has emitted is paged, within the scopes, and by its index', async () => {
  const api = await setup();
  const { pool } = api.database;
  const id = await post(api, 'note', 'a');
  const { rows } = await pool.query(
    `insert into tem.event (type, key, payload, "group", source)
      select type, type || n, '1', case type when 'theirs' then 'acme' else '' end, 'emit ' || $1
      from unnest(array['mine', 'theirs', 'mine']) with ordinality as t(type, n) returning id`,
    [id],
  );
  const ids = rows.map((row) => row.id).sort();
  const first = await api.call('GET', `/v1/events/${id}/emitted?limit=2`);
  expect(first.body.events.map((event: { id: string }) => event.id)).toEqual(ids.slice(0, 2));
  const second = await api.call('GET', `/v1/events/${id}/emitted?limit=2&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ events: [{ id: ids[2], state: 'QUEUED' }], nextCursor: null });

  const call = await keyed(api, { scopes: { types: ['note', 'theirs'] }, payloads: false });
  expect((await call('GET', `/v1/events/${id}/emitted`)).body.events).toMatchObject([
    { type: 'theirs', key: '[hidden]', group: 'acme' },
  ]);
  expect((await call('GET', `/v1/events/${ids[0]}/emitted`)).status).toBe(404);

  const client = await pool.connect();
  await client.query('begin');
  // The few rows of a test would be read whole.
  await client.query('set local enable_seqscan = off');
  const plan = await client.query(
    `explain select id from tem.event where source = $1 and starts_with(source, 'emit ') order by id limit 50`,
    ['emit x'],
  );
  await client.query('rollback');
  client.release();
  expect(JSON.stringify(plan.rows)).toContain('event_emitted');
});

it('a confined key posts events of its own alone, and sees nothing but events', async () => {
  const api = await setup();
  const call = await keyed(api, { scopes: { types: ['note'], groups: ['acme'] } });
  const own = { type: 'note', payload: { user: 'u' }, group: 'acme' };
  expect((await call('POST', '/v1/events', own)).status).toBe(202);
  const not = [
    { ...own, group: undefined },
    { ...own, group: 'x' },
    { ...own, type: 'anything' },
  ];
  for (const event of not) {
    expect(await call('POST', '/v1/events', event)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  }
  expect((await call('POST', '/v1/events/batch', { events: [own, ...not] })).body).toMatchObject({
    accepted: 1,
    rejected: not.map((_, n) => ({ index: n + 1, code: 'forbidden' })),
  });
  for (const url of ['/v1/stats', '/v1/schedules', '/v1/flows']) {
    expect(await call('GET', url)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  }
});

it('without the right to payloads nothing of an event is shown, and nothing is found by it', async () => {
  const api = await setup();
  const { body: event } = await api.call('POST', '/v1/events', {
    type: 'note',
    key: 'ada@home',
    payload: { user: 'ada' },
  });
  await api.database.pool.query(
    `update tem.event set state = 'EXTINCT', due_at = null, last_error = 'ada is away', result = '"ada"', version = 1`,
  );
  await api.database.pool.query(
    `insert into tem.transition (event_id, version, from_state, to_state, attempt, error, actor)
     values ($1, 1, 'QUEUED', 'EXTINCT', 1, 'ada is away', 'worker')`,
    [event.id],
  );
  const call = await keyed(api, { role: 'viewer' });
  const seen = [
    await call('GET', '/v1/events'),
    await call('GET', `/v1/events/${event.id}`),
    await call('GET', `/v1/events/${event.id}/history`),
  ];
  for (const { status, body } of seen) {
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toContain('ada');
  }
  expect(seen[1]?.body).toMatchObject({
    ...{ type: 'note', state: 'EXTINCT', key: '[hidden]', payload: '[hidden]', result: '[hidden]' },
    ...{ lastError: '[hidden]', workflowId: '[hidden]' },
  });
  for (const name of ['q', 'key']) {
    expect(await call('GET', `/v1/events?${name}=ada`)).toMatchObject({
      status: 403,
      body: { code: 'forbidden', path: `/${name}` },
    });
  }
  const reader = await keyed(api, { role: 'viewer', payloads: true });
  expect((await reader('GET', '/v1/events?q=ada')).body.events).toMatchObject([{ payload: { user: 'ada' } }]);
});

it('without the right to payloads a schedule shows when and what, and not with which payload', async () => {
  const api = await setup();
  const schedule = {
    ...{ id: 'nightly', cron: '0 3 * * *', timeZone: 'UTC', type: 'anything', payload: { user: 'ada' } },
    ...{ overlap: 'skip', catchupWindow: '1h' },
  };
  expect((await api.call('POST', '/v1/schedules', schedule)).status).toBe(201);
  const call = await keyed(api, { payloads: false });
  const { body } = await call('GET', '/v1/schedules/nightly');
  expect(body).toMatchObject({ type: 'anything', payload: '[hidden]' });
  expect(await call('POST', '/v1/schedules', { ...schedule, id: 'copy', payload: body.payload })).toMatchObject({
    status: 400,
    body: { path: '/payload' },
  });
});
