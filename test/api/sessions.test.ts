// Signing in to the console: what a session may, what it must bring along, and what ends it.

import { uuidv7 } from 'uuidv7';
import { describe, expect, it } from 'vitest';
import { createKeyRing } from '../../src/core/access/key-ring.ts';
import { hashOf, insertKey, makeKey, revokeKey } from '../../src/core/access/keys.ts';
import type { Role } from '../../src/core/access/principal.ts';
import { createSessions } from '../../src/core/access/sessions.ts';
import { inTransaction } from '../../src/core/ledger/in-transaction.ts';
import type { TestDatabase } from '../support/database.ts';
import { ADMIN_KEY } from '../support/environment.ts';
import { waitFor } from '../support/wait.ts';
import { type ApiUnderTest, setup } from './setup.ts';

const NOBODY = { authorization: '' };

async function addKey({ pool }: TestDatabase, role: Role, name: string = role): Promise<{ id: string; key: string }> {
  const [id, key] = [uuidv7(), makeKey()];
  await inTransaction(pool, (client) =>
    insertKey(client, {
      ...{ id, name, role, hash: hashOf(key), payloads: role !== 'viewer', createdBy: 'the test' },
      ...{ types: undefined, groups: undefined, expiresInMs: undefined },
    }),
  );
  return { id, key };
}

async function signIn(
  { call }: ApiUnderTest,
  key: string,
): Promise<{ headers: { authorization: string; cookie: string }; csrf: string }> {
  const { status, body, headers } = await call('POST', '/console/session', { key }, NOBODY);
  expect(status).toBe(200);
  const [cookie = ''] = String(headers['set-cookie']).split(';');
  return { headers: { ...NOBODY, cookie }, csrf: body.csrf };
}

describe('a session', () => {
  it('may what its key may, and changes nothing without its csrf', async () => {
    const api = await setup();
    const { key } = await addKey(api.database, 'operator', 'ops');
    const { headers, csrf } = await signIn(api, key);
    expect(await api.call('GET', '/console/session', undefined, headers)).toMatchObject({
      status: 200,
      body: { name: 'ops', role: 'operator', payloads: true, csrf },
    });
    expect((await api.call('GET', '/v1/events', undefined, headers)).status).toBe(200);
    const event = { type: 'note', payload: { user: 'u' } };
    for (const wrong of [{}, { 'x-tem-csrf': 'x' }]) {
      expect(await api.call('POST', '/v1/events', event, { ...headers, ...wrong })).toMatchObject({
        status: 403,
        body: { code: 'csrf' },
      });
    }
    expect((await api.call('POST', '/v1/events', event, { ...headers, 'x-tem-csrf': csrf })).status).toBe(202);
  });

  it('is a cookie that no script sees and no other site sends', async () => {
    const { call } = await setup();
    const { headers, body } = await call('POST', '/console/session', { key: ADMIN_KEY }, NOBODY);
    expect(headers['set-cookie']).toMatch(/^tem_session=[\w-]{43}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Strict$/);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toMatchObject({ name: 'settings', role: 'admin' });
  });

  it('ends when its holder signs out', async () => {
    const api = await setup();
    const { headers, csrf } = await signIn(api, ADMIN_KEY);
    const gone = await api.call('DELETE', '/console/session', undefined, { ...headers, 'x-tem-csrf': csrf });
    expect(gone.status).toBe(204);
    expect(gone.headers['set-cookie']).toContainEqual(expect.stringContaining('tem_session=; Path=/; Max-Age=0'));
    expect(await api.call('GET', '/console/session', undefined, headers)).toMatchObject({ status: 401 });
    expect(await api.call('GET', '/v1/events', undefined, headers)).toMatchObject({
      status: 401,
      body: { detail: 'the session has ended: sign in again' },
    });
  });

  it('ends with its key, in every process', async () => {
    const api = await setup();
    const { id, key } = await addKey(api.database, 'operator');
    const { headers } = await signIn(api, key);
    expect((await api.call('GET', '/v1/events', undefined, headers)).status).toBe(200);
    await inTransaction(api.database.pool, (client) => revokeKey(client, id, 'somebody'));
    await waitFor(async () => (await api.call('GET', '/v1/events', undefined, headers)).status === 401, 1_000);
    await waitFor(
      async () => (await api.call('GET', '/v1/events', undefined, { authorization: `Bearer ${key}` })).status === 401,
      1_000,
    );
  });

  it('ends with its key what it has open', async () => {
    const api = await setup();
    const { id, key } = await addKey(api.database, 'operator');
    const { headers } = await signIn(api, key);
    const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const open = async (who: Record<string, string>): Promise<Promise<string>[]> => {
      const answer = await fetch(`${url}/console/live`, { headers: who });
      expect(answer.status).toBe(200);
      return [answer.text()];
    };
    const { cookie } = headers;
    const streams = (await Promise.all([open({ cookie }), open({ authorization: `Bearer ${key}` })])).flat();
    await inTransaction(api.database.pool, (client) => revokeKey(client, id, 'somebody'));
    const revokedAt = performance.now();
    for (const text of await Promise.all(streams)) expect(text).toContain('retry: ');
    expect(performance.now() - revokedAt).toBeLessThan(5_000);
  });

  it('needs a key that is taken', async () => {
    const { call } = await setup();
    for (const key of ['wrong', makeKey()]) {
      expect(await call('POST', '/console/session', { key }, NOBODY)).toMatchObject({ status: 401 });
    }
    expect((await call('GET', '/console/session', undefined, { ...NOBODY, cookie: 'tem_session=x' })).status).toBe(401);
  });

  it('ends when nobody uses it, and at its end in any case', async () => {
    const { database } = await setup();
    const { pool } = database;
    const keys = createKeyRing(pool);
    const { key } = await addKey(database, 'viewer');
    const holder = await keys.find(hashOf(key));
    const options = { pool, keys, settingsKey: undefined, people: false, idleMs: 3_600_000, endsAfterMs: 3_600_000 };
    const { token } = await createSessions(options).open(holder as NonNullable<typeof holder>);
    expect(await createSessions(options).find(token)).toMatchObject({ principal: { name: 'viewer' } });
    await pool.query(`update tem.console_session set seen_at = now() - interval '10 minutes'`);
    expect(await createSessions({ ...options, idleMs: 60_000 }).find(token)).toBeUndefined();
    // Using it counts.
    expect(await createSessions(options).find(token)).toBeDefined();
    expect(await createSessions({ ...options, idleMs: 60_000 }).find(token)).toBeDefined();
    await pool.query(`update tem.console_session set ends_at = now() - interval '1 second'`);
    expect(await createSessions(options).find(token)).toBeUndefined();
  });
});

describe('a role', () => {
  it('forbids what it does not reach, in words', async () => {
    const { call, database } = await setup();
    const { key } = await addKey(database, 'viewer', 'reader');
    const authorization = `Bearer ${key}`;
    expect((await call('GET', '/v1/stats', undefined, { authorization })).status).toBe(200);
    expect(await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } }, { authorization })).toMatchObject(
      {
        status: 403,
        body: { code: 'forbidden', detail: 'this call is for the role operator; reader has the role viewer' },
      },
    );
  });
});
