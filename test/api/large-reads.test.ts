// Reads that could take the API with them: pages of large events, and searches.

import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { setup } from './setup.ts';

describe('GET /v1/events of large events', () => {
  it('ends a page before it is too large, and loses none', async () => {
    const api = await setup();
    // Small where it is stored, and large as text: 40 MB in all.
    await api.database.pool.query(
      `insert into tem.event (type, key, payload, result)
       select 'anything', i, jsonb_build_object('text', repeat('x', 900000)), to_jsonb(repeat('y', 100000))
       from generate_series(1, 40) i`,
    );
    const sizes: number[] = [];
    const seen = new Set<string>();
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await api.call('GET', `/v1/events?limit=1000${cursor && `&cursor=${cursor}`}`);
      sizes.push(body.events.length);
      for (const { key } of body.events) seen.add(key);
      cursor = body.nextCursor;
    }
    expect(sizes).toEqual([17, 17, 6]);
    expect(seen.size).toBe(40);
  });

  it('gives one that is larger than a page by itself', async () => {
    const api = await setup();
    await api.database.pool.query(
      `insert into tem.event (type, key, payload) select 'anything', i, to_jsonb(repeat('x', 20000000)) from generate_series(1, 2) i`,
    );
    const { body } = await api.call('GET', '/v1/events?limit=10');
    expect(body.events.map(({ key }: { key: string }) => key)).toEqual(['2']);
    expect(body.nextCursor).not.toBeNull();
  });
});

it('an event that SQL nested too deeply for JSON.stringify is shown without its depths, and hides no other', async () => {
  const api = await setup();
  await api.call('POST', '/v1/events', { type: 'anything', payload: [[1]], key: 'flat' });
  await api.database.pool.query(
    `select tem.enqueue('anything', (repeat('[', 10000) || repeat(']', 10000))::jsonb, 'deep')`,
  );
  const { status, body } = await api.call('GET', '/v1/events');
  expect(status).toBe(200);
  const [deep, flat] = body.events;
  expect([deep.key, flat.key, flat.payload]).toEqual(['deep', 'flat', [[1]]]);
  expect(JSON.stringify(deep.payload)).toMatch(/^\[{900,}"\[nested too deeply to be shown\]"\]{900,}$/);
  expect((await api.call('GET', `/v1/events/${deep.id}`)).status).toBe(200);
});

describe('a search', () => {
  it('finds nothing in the payloads of a type that has secret fields', async () => {
    const api = await setup();
    const event = { type: 'note', payload: { user: 'user-x', pin: 'pin-9876' }, key: 'secretive' };
    await api.call('POST', '/v1/events', event);
    await api.call('POST', '/v1/events', { ...event, type: 'anything', key: 'open' });
    const keys = async (q: string) =>
      (await api.call('GET', `/v1/events?q=${q}`)).body.events.map(({ key }: { key: string }) => key);
    expect(await keys('pin-98')).toEqual(['open']);
    expect(await keys('user-x')).toEqual(['open']);
    expect(await keys('secretive')).toEqual(['secretive']);
  });

  it('leaves connections to everybody else, however many search at once', async () => {
    const api = await setup();
    const locking = await api.database.pool.connect();
    await locking.query('begin; lock table tem.event');
    const searches = Array.from({ length: 12 }, () => api.call('GET', '/v1/events?q=u'));
    const refused = await Promise.all(searches.slice(6));
    for (const { status, headers, body } of refused) {
      expect([status, body.code, headers['retry-after']]).toEqual([503, 'ledger_unavailable', '2']);
    }
    expect((await api.call('GET', '/v1/event-types')).status).toBe(200);
    const blocked = async () => {
      const { rows } = await api.database.pool.query(
        `select count(*)::int as n from pg_stat_activity where query ilike '%tem.event e%' and wait_event_type = 'Lock'
           and datname = current_database() and pid <> pg_backend_pid()`,
      );
      return rows[0].n;
    };
    await waitFor(async () => (await blocked()) === 2);
    await locking.query('rollback');
    locking.release();
    for (const { status } of await Promise.all(searches.slice(0, 6))) expect(status).toBe(200);
  });
});
