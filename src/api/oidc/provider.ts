// The OIDC provider as TEM asks it: where people sign in, and what it says of somebody who did. It is looked up when the
// first person signs in, so that the API starts without it; the library is loaded then too.

import type * as OpenIdClient from 'openid-client';
import type { OidcSettings } from '../../oidc-settings.ts';
import type { PendingSignIn } from './pending.ts';
import { claimAt } from './person.ts';

/** Why nobody was signed in; the cause is for the log. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused';

  constructor(
    readonly reason: 'unreachable' | 'denied' | 'unconfirmed' | 'no-role' | 'ended',
    options?: ErrorOptions,
  ) {
    super(`sign-in: ${reason}`, options);
  }
}

export type Claims = Readonly<Record<string, unknown>> & { sub: string };

export interface OidcProvider {
  /** Rejects with SignInRefused. */
  begin(returnTo: string): Promise<{ url: URL; pending: PendingSignIn }>;
  /** `query`: what the provider sent the browser back with. Rejects with SignInRefused. */
  finish(pending: PendingSignIn, query: string): Promise<Claims>;
  /** Where the provider's own session is ended; undefined where it has no such page. Rejects with SignInRefused. */
  signOut(returnTo: string): Promise<URL | undefined>;
}

export const CALLBACK_PATH = '/console/sign-in/oidc/callback';
const ANSWERS_WITHIN_S = 5;
const CLOCK_TOLERANCE_S = 30;
/** Of errors that say that the provider, not the person, is at fault. */
const AWAY = new Set(['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON']);

interface Connected {
  client: typeof OpenIdClient;
  configuration: OpenIdClient.Configuration;
}

export function createOidcProvider(settings: OidcSettings): OidcProvider {
  const redirectUri = `${settings.publicUrl}${CALLBACK_PATH}`;
  let connecting: Promise<Connected> | undefined;
  const connected = (): Promise<Connected> => {
    connecting ??= connect(settings).catch((cause: unknown) => {
      connecting = undefined;
      throw new SignInRefused('unreachable', { cause });
    });
    return connecting;
  };

  return {
    async begin(returnTo) {
      const { client, configuration } = await connected();
      const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: scopeFor(configuration),
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url, pending: { state, nonce, verifier, returnTo } };
    },
    async finish({ state, nonce, verifier }, query) {
      const { client, configuration } = await connected();
      try {
        const tokens = await client.authorizationCodeGrant(configuration, new URL(`${redirectUri}?${query}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
        });
        const claims = tokens.claims() as Claims;
        const known = [settings.groupsClaim, 'name', 'email'].every((name) => claimAt(claims, name) !== undefined);
        if (known || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
        // Many providers tell these only here.
        const info = await client.fetchUserInfo(configuration, tokens.access_token, claims.sub);
        return { ...info, ...claims };
      } catch (cause) {
        throw new SignInRefused(reasonOf(client, cause), { cause });
      }
    },
    async signOut(returnTo) {
      const { client, configuration } = await connected();
      if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
      return client.buildEndSessionUrl(configuration, {
        post_logout_redirect_uri: `${settings.publicUrl}${returnTo}`,
      });
    },
  };
}

async function connect({ issuer, clientId, clientSecret }: OidcSettings): Promise<Connected> {
  const client = await import('openid-client');
  const [basic, post] = [client.ClientSecretBasic(clientSecret), client.ClientSecretPost(clientSecret)];
  const authenticate: OpenIdClient.ClientAuth = (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (methods.includes('client_secret_basic') ? basic : post)(server, ...rest);
  };
  const configuration = await client.discovery(
    new URL(issuer),
    clientId,
    { client_secret: clientSecret, [client.clockTolerance]: CLOCK_TOLERANCE_S },
    authenticate,
    {
      timeout: ANSWERS_WITHIN_S,
      // The settings take such an issuer on loopback only.
      ...(issuer.startsWith('http:') && { execute: [client.allowInsecureRequests] }),
    },
  );
  return { client, configuration };
}

/** Some providers have a scope for groups, others refuse what they don't know. */
function scopeFor(configuration: OpenIdClient.Configuration): string {
  const { scopes_supported: supported = [] } = configuration.serverMetadata();
  return ['openid', 'profile', 'email', ...(supported.includes('groups') ? ['groups'] : [])].join(' ');
}

function reasonOf(client: typeof OpenIdClient, error: unknown): SignInRefused['reason'] {
  if (error instanceof client.AuthorizationResponseError) {
    return error.error === 'access_denied' ? 'denied' : 'unconfirmed';
  }
  if (error instanceof client.ResponseBodyError) return error.status >= 500 ? 'unreachable' : 'unconfirmed';
  // What fetch says when nobody answers.
  if (error instanceof TypeError) return 'unreachable';
  return error instanceof client.ClientError && AWAY.has(error.code ?? '') ? 'unreachable' : 'unconfirmed';
}
