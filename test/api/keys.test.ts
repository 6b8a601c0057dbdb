// API keys: made, used, replaced and revoked over HTTP, and known to every API process within a second.

import { expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { setup } from './setup.ts';

const WITHIN_MS = 1_000;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

it('a key works at once where it was made and within a second elsewhere, until it is revoked', async () => {
  const one = await setup();
  const other = await setup({ databaseUrl: one.database.databaseUrl });
  const made = await one.call('POST', '/v1/keys', { name: 'shop', role: 'operator', expiresIn: '90d' });
  expect(made).toMatchObject({
    status: 201,
    body: { name: 'shop', role: 'operator', scopes: null, payloads: true, createdBy: 'key settings', lastUsedAt: null },
  });
  const { id, key } = made.body;
  expect(key).toMatch(/^tem_[\w-]{43}$/);
  const first = await one.call('GET', '/v1/events', undefined, bearer(key));
  expect(first).toMatchObject({ status: 200 });
  await waitFor(async () => (await other.call('GET', '/v1/events', undefined, bearer(key))).status === 200, WITHIN_MS);
  const listed = await waitFor(async () => {
    const { keys } = (await one.call('GET', '/v1/keys')).body;
    return keys[0].lastUsedAt !== null && keys;
  });
  expect(listed).toEqual([{ ...made.body, key: undefined, lastUsedAt: expect.any(String) }]);
  expect(JSON.stringify(listed)).not.toContain(key);
  const { rows } = await one.database.pool.query('select k::text as text from tem.api_key k');
  expect(rows[0].text).not.toContain(key.slice(4));

  expect((await one.call('DELETE', `/v1/keys/${id}`)).status).toBe(204);
  expect((await one.call('GET', '/v1/events', undefined, bearer(key))).status).toBe(401);
  await waitFor(async () => (await other.call('GET', '/v1/events', undefined, bearer(key))).status === 401, WITHIN_MS);
  expect((await one.call('DELETE', `/v1/keys/${id}`)).status).toBe(404);
  // Its name is free again.
  expect((await one.call('POST', '/v1/keys', { name: 'shop', role: 'viewer' })).status).toBe(201);
});

it('a rotated key is taken beside the new one for its grace, and not at all without one', async () => {
  const { call, database } = await setup();
  const { id, key: first } = (await call('POST', '/v1/keys', { name: 'a', role: 'viewer' })).body;
  const status = async (key: string) => (await call('GET', '/v1/stats', undefined, bearer(key))).status;
  const second = await call('POST', `/v1/keys/${id}/rotate`, { grace: '1h' });
  expect(second).toMatchObject({ status: 200, body: { id, name: 'a', previousUntil: expect.any(String) } });
  expect([await status(first), await status(second.body.key)]).toEqual([200, 200]);
  await database.pool.query(`update tem.api_key set previous_until = now() - interval '1 second'`);
  await waitFor(async () => (await status(first)) === 401, WITHIN_MS);
  const third = (await call('POST', `/v1/keys/${id}/rotate`, { grace: '0s' })).body;
  expect(third.previousUntil).toBeNull();
  expect([await status(first), await status(second.body.key), await status(third.key)]).toEqual([401, 401, 200]);
  // One that has ended is taken under none of its texts.
  await database.pool.query(`update tem.api_key set expires_at = now() - interval '1 second'`);
  await waitFor(async () => (await status(third.key)) === 401, WITHIN_MS);
});

it('is refused in words where it makes no sense', async () => {
  const { call } = await setup();
  await call('POST', '/v1/keys', { name: 'taken', role: 'viewer' });
  for (const [body, status, path] of [
    [{ name: 'taken', role: 'viewer' }, 409, '/name'],
    [{ name: 'settings', role: 'viewer' }, 400, '/name'],
    [{ name: '', role: 'viewer' }, 400, '/name'],
    [{ name: 'a', role: 'owner' }, 400, '/role'],
    [{ name: 'a', role: 'admin', scopes: { types: ['note'] } }, 400, '/scopes'],
    [{ name: 'a', role: 'admin', payloads: false }, 400, '/payloads'],
    [{ name: 'a', role: 'viewer', scopes: {} }, 400, '/scopes'],
    [{ name: 'a', role: 'viewer', scopes: { types: [] } }, 400, '/scopes/types'],
    [{ name: 'a', role: 'viewer', expiresIn: '1s' }, 400, '/expiresIn'],
    [{ name: 'a', role: 'viewer', expiresIn: 'soon' }, 400, '/expiresIn'],
  ] as const) {
    expect(await call('POST', '/v1/keys', body), JSON.stringify(body)).toMatchObject({ status, body: { path } });
  }
  for (const id of ['nonsense', '01900000-0000-7000-8000-000000000000']) {
    expect((await call('POST', `/v1/keys/${id}/rotate`)).status).toBe(404);
  }
});
