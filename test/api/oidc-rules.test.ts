// What is decided of a sign-in by OIDC without asking anybody: settings, roles, and where it may lead.

import { describe, expect, it } from 'vitest';
import { personOf } from '../../src/api/oidc/person.ts';
import { returnPath } from '../../src/api/oidc/return-path.ts';
import { readConfig } from '../../src/config.ts';
import { actorOf } from '../../src/core/access/principal.ts';

const WHOLE = {
  TEM_PUBLIC_URL: 'https://tem.example.com/',
  TEM_OIDC_ISSUER: 'https://id.example.com/realms/shop/',
  TEM_OIDC_CLIENT_ID: 'tem',
  TEM_OIDC_CLIENT_SECRET: 'secret',
  TEM_OIDC_ROLES: 'tem ops=operator, ou=admins=admin',
};

function problemsOf(environment: Record<string, string | undefined>): string {
  try {
    readConfig(environment);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the settings', () => {
  it('are all there or none', () => {
    expect(readConfig({}).access.oidc).toBeUndefined();
    expect(readConfig(WHOLE).access.oidc).toEqual({
      issuer: WHOLE.TEM_OIDC_ISSUER,
      clientId: 'tem',
      clientSecret: 'secret',
      groupsClaim: 'groups',
      publicUrl: 'https://tem.example.com',
      roles: [
        { group: 'tem ops', role: 'operator' },
        { group: 'ou=admins', role: 'admin' },
      ],
    });
    for (const name of Object.keys(WHOLE)) {
      expect(problemsOf({ ...WHOLE, [name]: undefined })).toBe(`${name}: signing in by OIDC needs it too`);
    }
  });

  it('name a provider over TLS, and roles that there are', () => {
    expect(problemsOf({ ...WHOLE, TEM_OIDC_ISSUER: 'http://id.example.com' })).toMatch(/^TEM_OIDC_ISSUER: .*https/);
    for (const issuer of ['http://127.0.0.1:8080', 'http://localhost:8080/a', 'http://[::1]:8080']) {
      expect(problemsOf({ ...WHOLE, TEM_OIDC_ISSUER: issuer })).toBe('');
    }
    for (const roles of ['ops', 'ops=', '=admin', 'ops=root']) {
      expect(problemsOf({ ...WHOLE, TEM_OIDC_ROLES: roles })).toMatch(/^TEM_OIDC_ROLES: must be group=role/);
    }
  });
});

describe('a person', () => {
  const rules = {
    groupsClaim: 'groups',
    roles: [
      { group: 'ops', role: 'operator' },
      { group: 'root', role: 'admin' },
      { group: 'all', role: 'viewer' },
    ],
  } as const;

  it('has the highest role of his groups, or none', () => {
    const roleOf = (groups: unknown) => personOf({ sub: 'u', groups }, rules)?.role;
    expect(roleOf(['all', 'root', 'ops'])).toBe('admin');
    expect(roleOf(['ops', 'all'])).toBe('operator');
    // Some providers tell a single group as it is.
    expect(roleOf('all')).toBe('viewer');
    for (const groups of [[], ['Root'], 'al', undefined, null, { ops: true }, [['ops']]]) {
      expect(roleOf(groups)).toBeUndefined();
    }
    // A name with dots of its own is that claim; else they lead into another.
    const inside = { ...rules, groupsClaim: 'realm_access.roles' };
    expect(personOf({ sub: 'u', realm_access: { roles: ['ops'] } }, inside)?.role).toBe('operator');
    expect(personOf({ sub: 'u', 'realm_access.roles': ['ops'], realm_access: 1 }, inside)?.role).toBe('operator');
    for (const claims of [{}, { realm_access: null }, { realm_access: 'roles' }, { realm_access: ['ops'] }]) {
      expect(personOf({ sub: 'u', ...claims }, inside)).toBeUndefined();
    }
  });

  it('is named by an address that is his, else by his subject', () => {
    const actor = (claims: object) => actorOf({ principal: personOf({ sub: 'u', groups: ['all'], ...claims }, rules) });
    expect(actor({ email: 'a@b.c', name: 'key settings' })).toBe('person a@b.c');
    expect(actor({ email: 'a@b.c', email_verified: false, name: 'root' })).toBe('person u');
    expect(actor({})).toBe('person u');
  });
});

it('signing in leads to a page of the console only', () => {
  for (const page of ['/console', '/console/', '/console/events/a%2Fb?state=FAILED&q=%C3%BC']) {
    expect(returnPath(page)).toBe(page);
  }
  const elsewhere = [
    ...[
      undefined,
      '',
      'console',
      '/',
      '/v1/events',
      '/consoles',
      '//evil.example/console',
      'https://evil.example/console',
    ],
    ...[
      '/console/../v1/events',
      '/console/%2e%2e/v1/events',
      '/\\evil.example',
      '/console\\..\\..',
      '/console/\r\nx: y',
    ],
    ...['/console/sign-in/oidc', '/console/./sign-in/oidc/callback', `/console/${'a'.repeat(2_000)}`],
  ];
  for (const page of elsewhere) expect(returnPath(page)).toBe('/console');
});
