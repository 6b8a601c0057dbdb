// Who may call what.

import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createAuth } from '../../src/api/auth.ts';
import { ADMIN_KEY, USER_TOKEN_SECRET } from '../support/environment.ts';
import { setup } from './setup.ts';

const secret = (text: string) => new TextEncoder().encode(text);
const token = (
  claims: Record<string, unknown>,
  options: { key?: string; algorithm?: string; expires?: string | null } = {},
) => {
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: options.algorithm ?? 'HS256' });
  if (options.expires !== null) jwt.setExpirationTime(options.expires ?? '5m');
  return jwt.sign(secret(options.key ?? USER_TOKEN_SECRET));
};

describe('authenticating', () => {
  const auth = createAuth({ adminKey: ADMIN_KEY, userTokenSecret: USER_TOKEN_SECRET });

  it('knows the admin key and user tokens', async () => {
    expect(await auth.authenticate(ADMIN_KEY)).toEqual({
      kind: 'key',
      name: 'settings',
      role: 'admin',
      scopes: undefined,
      mayReadPayloads: true,
    });
    expect(await auth.authenticate(await token({ sub: 'ada' }))).toEqual({ kind: 'user', user: 'ada' });
    const long = '👋'.repeat(256);
    expect(await auth.authenticate(await token({ sub: long }))).toEqual({ kind: 'user', user: long });
  });

  it('knows nobody else', async () => {
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"ada","exp":9999999999}').toString('base64url')}.`;
    const wrong = [
      '',
      ' ',
      `${ADMIN_KEY}x`,
      ADMIN_KEY.slice(1),
      'a.b.c',
      'x'.repeat(10_000),
      unsigned,
      await token({ sub: 'ada' }, { key: 'another-secret-of-thirty-two-bytes-or-so' }),
      await token({ sub: 'ada' }, { algorithm: 'HS512', key: USER_TOKEN_SECRET.repeat(2) }),
      await token({ sub: 'ada' }, { expires: '-1m' }),
      await token({ sub: 'ada' }, { expires: null }),
      await token({}),
      await token({ sub: '' }),
      await token({ sub: 'x'.repeat(257) }),
      await token({ sub: 'a\nb' }),
    ];
    for (const each of wrong) expect(await auth.authenticate(each), each.slice(0, 40)).toBeUndefined();
  });

  it('knows nobody when nothing is configured', async () => {
    const none = createAuth({ adminKey: undefined, userTokenSecret: undefined });
    expect(await none.authenticate(await token({ sub: 'ada' }))).toBeUndefined();
    expect(await none.authenticate('undefined')).toBeUndefined();
  });
});

describe('a call', () => {
  it('needs an API key', async () => {
    const { call, send } = await setup();
    for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${ADMIN_KEY}`, ADMIN_KEY]) {
      for (const answer of [
        await call('GET', '/v1/events', undefined, { authorization }),
        await send('/v1/events', 'not even read', { authorization, 'content-type': 'text/plain' }),
      ]) {
        expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
        expect(answer.headers['www-authenticate']).toBe('Bearer');
      }
    }
    expect((await call('GET', '/v1/events', undefined, { authorization: `bearer ${ADMIN_KEY}` })).status).toBe(200);
  });

  it('is forbidden to a user token', async () => {
    const { call } = await setup();
    const authorization = `Bearer ${await token({ sub: 'ada' })}`;
    expect(await call('GET', '/v1/stats', undefined, { authorization })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
  });
});
