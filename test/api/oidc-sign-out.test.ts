// Signing out at the provider too: to its page, which asks and leads back; to the console where there is none or nobody answers.

import { expect, it } from 'vitest';
import { CLIENT, startIdentityProvider } from '../support/identity-provider.ts';
import { setup } from './setup.ts';

const PUBLIC_URL = 'https://tem.example.com/tem';
const ADA = { sub: 'u-1', groups: ['staff'] };

async function signOutOf(issuer: string): Promise<string> {
  const environment = {
    TEM_PUBLIC_URL: PUBLIC_URL,
    TEM_OIDC_ISSUER: issuer,
    TEM_OIDC_CLIENT_ID: CLIENT.id,
    TEM_OIDC_CLIENT_SECRET: CLIENT.secret,
    TEM_OIDC_ROLES: 'staff=viewer',
  };
  const { app } = await setup({ environment });
  const answer = await app.inject({ url: '/console/sign-out/oidc' });
  expect(answer.statusCode).toBe(302);
  return String(answer.headers.location);
}

it('leads to the page of the provider that ends its session, and from there back', async () => {
  const { issuer } = await startIdentityProvider(`${PUBLIC_URL}/console/sign-in/oidc/callback`, ADA);
  const url = new URL(await signOutOf(issuer));
  expect(url.origin).toBe(issuer);
  expect(Object.fromEntries(url.searchParams)).toEqual({
    client_id: CLIENT.id,
    post_logout_redirect_uri: `${PUBLIC_URL}/console`,
  });
  // It knows the way back, else it would refuse.
  expect((await fetch(url)).status).toBe(200);
});

it('leads to the console where the provider is away', async () => {
  expect(await signOutOf('http://127.0.0.1:1')).toBe(`${PUBLIC_URL}/console`);
});
