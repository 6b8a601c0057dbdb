// People sign in with an account of their own, at a real provider, behind a proxy that takes a path prefix away.

import { describe, expect, it } from 'vitest';
import { createSeal } from '../../src/api/oidc/pending.ts';
import { createKeyRing } from '../../src/core/access/key-ring.ts';
import { createSessions } from '../../src/core/access/sessions.ts';
import { freePort } from '../../src/services/ports.ts';
import { type Account, CLIENT, type IdentityProvider, startIdentityProvider } from '../support/identity-provider.ts';
import { type ApiUnderTest, setup } from './setup.ts';

const PUBLIC_URL = 'https://tem.example.com/tem';
const CALLBACK = `${PUBLIC_URL}/console/sign-in/oidc/callback`;
const ADA: Account = {
  sub: 'u-1',
  name: 'Ada L',
  email: 'ada@example.com',
  groups: ['staff', 'tem ops', 'tem-admins'],
};
const PENDING = '__Host-tem_sign_in';
const SESSION = '__Host-tem_session';

function environmentOf(issuer: string): Record<string, string> {
  return {
    TEM_PUBLIC_URL: PUBLIC_URL,
    TEM_OIDC_ISSUER: issuer,
    TEM_OIDC_CLIENT_ID: CLIENT.id,
    TEM_OIDC_CLIENT_SECRET: CLIENT.secret,
    TEM_OIDC_ROLES: 'tem ops=operator, tem-admins=admin, readers=viewer',
  };
}

interface Seen {
  status: number;
  /** Where it sends the browser. */
  location: string | undefined;
  cookies: string[];
  text: string;
}

/** Keeps cookies by origin, and asks TEM without a socket, as a proxy would. */
class Browser {
  readonly jar = new Map<string, Map<string, string>>();

  constructor(
    readonly api: ApiUnderTest,
    readonly language = 'en',
  ) {}

  cookies(url: string): Map<string, string> {
    const { origin } = new URL(url);
    const cookies = this.jar.get(origin) ?? new Map<string, string>();
    this.jar.set(origin, cookies);
    return cookies;
  }

  async open(url: string): Promise<Seen> {
    const cookies = this.cookies(url);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { cookie, 'accept-language': this.language };
    const seen = url.startsWith(`${PUBLIC_URL}/`) ? await this.ofTem(url, headers) : await ofOthers(url, headers);
    for (const line of seen.cookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return seen;
  }

  /** Follows redirects until an address for which `stop` says so, which isn't opened, or an answer that is none. */
  async follow(from: string, stop = isPage): Promise<Seen & { url: string }> {
    let url = from;
    for (let steps = 0; steps < 15; steps++) {
      const seen = await this.open(url);
      if (seen.location === undefined) return { ...seen, url };
      url = new URL(seen.location, url).href;
      if (stop(url)) return { ...seen, url };
    }
    throw new Error(`too many redirects, the last to ${url}`);
  }

  private async ofTem(url: string, headers: Record<string, string>): Promise<Seen> {
    const answer = await this.api.app.inject({ url: url.slice(PUBLIC_URL.length), headers });
    const { location } = answer.headers;
    const cookies = [answer.headers['set-cookie'] ?? []].flat();
    return { status: answer.statusCode, location: location as string | undefined, cookies, text: answer.body };
  }
}

async function ofOthers(url: string, headers: Record<string, string>): Promise<Seen> {
  const answer = await fetch(url, { headers, redirect: 'manual' });
  const location = answer.headers.get('location') ?? undefined;
  return { status: answer.status, location, cookies: answer.headers.getSetCookie(), text: await answer.text() };
}

/** A page of the console. */
function isPage(url: string): boolean {
  return url.startsWith(`${PUBLIC_URL}/console`) && !url.includes('/sign-in/');
}

function isCallback(url: string): boolean {
  return url.startsWith(CALLBACK);
}

function beginAt(page?: string): string {
  return `${PUBLIC_URL}/console/sign-in/oidc${page === undefined ? '' : `?return=${encodeURIComponent(page)}`}`;
}

async function start(
  account: Account = ADA,
  claimsInIdToken = false,
): Promise<{ api: ApiUnderTest; identity: IdentityProvider; browser: Browser }> {
  const identity = await startIdentityProvider(CALLBACK, account, claimsInIdToken);
  const api = await setup({ environment: environmentOf(identity.issuer) });
  return { api, identity, browser: new Browser(api) };
}

describe('who signs in by OIDC', () => {
  it('comes back to his page with the highest role of his groups, and is named in the audit', async () => {
    const { api, browser } = await start();
    expect((await browser.open(`${PUBLIC_URL}/console/settings`)).text).toContain('"oidc":true');
    const { url, cookies } = await browser.follow(beginAt('/console/events?state=FAILED'));
    expect(url).toBe(`${PUBLIC_URL}/console/events?state=FAILED`);
    expect(cookies).toContainEqual(
      expect.stringMatching(
        /^__Host-tem_session=[\w-]{43}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Strict; Secure$/,
      ),
    );
    expect([...browser.cookies(PUBLIC_URL).keys()]).toEqual([SESSION]);

    const cookie = `${SESSION}=${browser.cookies(PUBLIC_URL).get(SESSION)}`;
    const headers = { authorization: '', cookie };
    const { body: session } = await api.call('GET', '/console/session', undefined, headers);
    expect(session).toMatchObject({ name: 'Ada L', email: 'ada@example.com', role: 'admin', payloads: true });
    const key = { name: 'shop', role: 'viewer' };
    expect(await api.call('POST', '/v1/keys', key, headers)).toMatchObject({ status: 403, body: { code: 'csrf' } });
    const signed = { ...headers, 'x-tem-csrf': session.csrf };
    expect((await api.call('POST', '/v1/keys', key, signed)).status).toBe(201);
    const { rows } = await api.database.pool.query('select actor, action from tem.audit');
    expect(rows).toEqual([{ actor: 'person ada@example.com', action: 'key.create' }]);

    expect((await api.call('DELETE', '/console/session', undefined, signed)).status).toBe(204);
    expect((await api.call('GET', '/v1/keys', undefined, headers)).status).toBe(401);
  });

  it('is known by what the token says as well', async () => {
    const { api, browser } = await start({ ...ADA, groups: ['readers'] }, true);
    expect((await browser.follow(beginAt())).url).toBe(`${PUBLIC_URL}/console`);
    const { text } = await browser.open(`${PUBLIC_URL}/console/session`);
    expect(JSON.parse(text)).toMatchObject({ name: 'Ada L', role: 'viewer', payloads: false });
    expect((await api.database.pool.query('select 1 from tem.console_session')).rowCount).toBe(1);
  });

  it('is signed out where OIDC is no longer set up', async () => {
    const { api, browser } = await start();
    await browser.follow(beginAt());
    const { pool } = api.database;
    const token = browser.cookies(PUBLIC_URL).get(SESSION) as string;
    const options = { pool, keys: createKeyRing(pool), settingsKey: undefined, idleMs: 60_000, endsAfterMs: 60_000 };
    expect(await createSessions({ ...options, people: true }).find(token)).toMatchObject({
      principal: { kind: 'person', subject: 'u-1' },
    });
    expect(await createSessions({ ...options, people: false }).find(token)).toBeUndefined();
  });

  it('does not get in without a group that has a role, or when the provider says no', async () => {
    const { api, identity, browser } = await start({ ...ADA, groups: ['staff'] });
    expect(await browser.follow(beginAt())).toMatchObject({
      status: 403,
      text: expect.stringContaining('none of the groups that may use TEM'),
    });
    identity.account = undefined;
    const turkish = new Browser(api, 'tr-TR,tr;q=0.9');
    expect(await turkish.follow(beginAt())).toMatchObject({
      status: 403,
      text: expect.stringContaining('Kimlik sağlayıcı oturumu reddetti.'),
    });
    expect((await api.database.pool.query('select 1 from tem.console_session')).rowCount).toBe(0);
  });
});

describe('an answer of the provider', () => {
  it('is taken once, with its own state and nonce, in time, by the browser that asked', async () => {
    const { api, browser } = await start();
    const { url } = await browser.follow(beginAt(), isCallback);
    const kept = browser.cookies(PUBLIC_URL).get(PENDING) as string;
    const seal = createSeal(CLIENT.secret);
    const pending = await seal.open(kept);
    if (!pending) throw new Error('the browser keeps no sign-in');

    const withCookie = async (sealed: string | undefined, query = new URL(url).search): Promise<Seen> => {
      const other = new Browser(api);
      if (sealed !== undefined) other.cookies(PUBLIC_URL).set(PENDING, sealed);
      const seen = await other.open(`${CALLBACK}${query}`);
      expect(other.cookies(PUBLIC_URL).size, 'the sign-in is over, and there is no session').toBe(0);
      return seen;
    };
    const ended = { status: 400, text: expect.stringContaining('has ended, or was begun in another browser') };
    const unconfirmed = { status: 400, text: expect.stringContaining('could not be confirmed') };
    expect(await withCookie(undefined)).toMatchObject(ended);
    expect(await withCookie(`${kept.slice(0, -3)}AAA`)).toMatchObject(ended);
    expect(await withCookie(await createSeal('another').close(pending, 600))).toMatchObject(ended);
    expect(await withCookie(await seal.close(pending, -1))).toMatchObject(ended);
    expect(await withCookie(await seal.close({ ...pending, state: 'another' }, 600))).toMatchObject(unconfirmed);
    expect(await withCookie(kept, '')).toMatchObject(unconfirmed);

    expect(isPage((await browser.open(url)).location ?? '')).toBe(true);
    // Its cookie is gone; who has kept a copy is refused by the provider.
    expect(await withCookie(kept)).toMatchObject(unconfirmed);
    expect((await api.database.pool.query('select 1 from tem.console_session')).rowCount).toBe(1);
  });

  it('with the nonce of another sign-in is refused', async () => {
    const { browser } = await start();
    const { url } = await browser.follow(beginAt(), isCallback);
    const seal = createSeal(CLIENT.secret);
    const pending = await seal.open(browser.cookies(PUBLIC_URL).get(PENDING) as string);
    if (!pending) throw new Error('the browser keeps no sign-in');
    browser.cookies(PUBLIC_URL).set(PENDING, await seal.close({ ...pending, nonce: 'another' }, 600));
    expect(await browser.open(url)).toMatchObject({
      status: 400,
      text: expect.stringContaining('could not be confirmed'),
    });
  });

  it('leads to the console only', async () => {
    const { browser } = await start();
    for (const page of ['https://evil.example/', '//evil.example', '/console/../v1/events']) {
      expect((await browser.follow(beginAt(page))).url).toBe(`${PUBLIC_URL}/console`);
    }
  });
});

it('a provider that is away is told in words, and comes back without a restart', async () => {
  const port = await freePort(0);
  const api = await setup({ environment: environmentOf(`http://127.0.0.1:${port}`) });
  const seen = await new Browser(api).open(beginAt());
  expect(seen).toMatchObject({ status: 503, text: expect.stringContaining('The identity provider does not answer') });
  expect(seen.text).not.toMatch(/at .*\.ts|ECONNREFUSED|fetch failed/);
  const identity = await startIdentityProvider(CALLBACK, ADA, false, port);
  expect(identity.issuer).toContain(String(port));
  expect((await new Browser(api).follow(beginAt())).url).toBe(`${PUBLIC_URL}/console`);
});

it('without a provider the address says so', async () => {
  const { call } = await setup();
  expect(await call('GET', '/console/sign-in/oidc')).toMatchObject({
    status: 404,
    body: expect.stringContaining('not set up'),
  });
});
