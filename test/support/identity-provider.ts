// A real OIDC provider on loopback, with accounts that a test names. Whoever is sent to it to sign in is the account that
// the test has put there, as if he had typed his password.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { onTestFinished } from 'vitest';

export const CLIENT = { id: 'tem', secret: 'a secret/with+signs that a form = encodes' };
const SCOPES = 'openid profile email groups';

export interface Account {
  sub: string;
  [claim: string]: unknown;
}

export interface IdentityProvider {
  issuer: string;
  /** Undefined: he gives up on the provider's page. */
  account: Account | undefined;
}

/** `claimsInIdToken`: all claims are in the token, none has to be asked for. Lives as long as the test. */
export async function startIdentityProvider(
  redirectUri: string,
  account: Account,
  claimsInIdToken = false,
  port = 0,
): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity: IdentityProvider = { issuer, account };
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const lifetimes = ['AccessToken', 'AuthorizationCode', 'Grant', 'IdToken', 'Interaction', 'Session'];
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [redirectUri.replace('/console/sign-in/oidc/callback', '/console')],
      },
    ],
    claims: {
      openid: ['sub'],
      profile: ['name'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    conformIdTokenClaims: !claimsInIdToken,
    cookies: { keys: ['of the test'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => identity.account }),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    jwks: { keys: [await exportJWK(privateKey)] },
    // TEM is the organisation's own: nobody is asked for consent.
    loadExistingGrant: async ({ oidc }: { oidc: { account: { accountId: string } } }) => {
      const grant = new provider.Grant({ clientId: CLIENT.id, accountId: oidc.account.accountId });
      grant.addOIDCScope(SCOPES);
      await grant.save();
      return grant;
    },
    ttl: Object.fromEntries(lifetimes.map((name) => [name, 600])),
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response);
    const result = identity.account
      ? { login: { accountId: identity.account.sub } }
      : { error: 'access_denied', error_description: 'he gave up' };
    return provider.interactionFinished(request, response, result);
  });
  return identity;
}
