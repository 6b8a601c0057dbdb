// Who calls. An API key names an operator's program, a user token (HS256, signed by the application) one end user, so
// that no browser ever holds a key. A route that says nothing is for keys only.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { jwtVerify } from 'jose';
import type { Config } from '../config.ts';
import type { Auth, Principal } from '../core/feature.ts';
import { Problem } from '../core/http/problem.ts';
import { isUser } from '../core/user.ts';

/** `public`: everybody. `user`: keys and user tokens (the route checks whose). `key`, the default: API keys. */
export type Access = 'public' | 'user' | 'key';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Undefined on public routes without a token. */
    principal: Principal | undefined;
  }
}

const TOKEN_LENGTH_MAX = 8_192;

/** The check of keys and tokens. Keys are compared as hashes in constant time. */
export function createAuth(config: Pick<Config, 'adminKey' | 'userTokenSecret'>): Auth {
  const adminKeyHash = config.adminKey === undefined ? undefined : sha256(config.adminKey);
  const secret = config.userTokenSecret === undefined ? undefined : new TextEncoder().encode(config.userTokenSecret);
  return {
    async authenticate(token) {
      if (token === '' || token.length > TOKEN_LENGTH_MAX) return undefined;
      if (adminKeyHash && timingSafeEqual(sha256(token), adminKeyHash)) return { kind: 'key', role: 'admin' };
      return secret && token.split('.').length === 3 ? authenticateUser(token, secret) : undefined;
    },
  };
}

async function authenticateUser(token: string, secret: Uint8Array): Promise<Principal | undefined> {
  try {
    const { payload } = await jwtVerify(token, secret, { algorithms: ['HS256'], requiredClaims: ['sub', 'exp'] });
    const user = payload.sub;
    return typeof user === 'string' && isUser(user) ? { kind: 'user', user } : undefined;
  } catch {
    return undefined;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Checks every request before its body is read. */
export function requireAccess(app: FastifyInstance, auth: Auth): void {
  app.decorateRequest('principal', undefined);
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const access = request.routeOptions.config.access ?? 'key';
    const token = bearerToken(request);
    if (token !== undefined) request.principal = await auth.authenticate(token);
    if (access === 'public') return;
    if (!request.principal) {
      throw new Problem(
        401,
        'unauthorized',
        token === undefined ? 'send Authorization: Bearer <API key>' : 'the key or token is not valid',
      );
    }
    if (access === 'key' && request.principal.kind !== 'key') {
      throw new Problem(403, 'forbidden', 'a user token may not make this call; it needs an API key');
    }
  });
}

function bearerToken(request: FastifyRequest): string | undefined {
  const match = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  return match?.[1];
}

/** The caller's name in histories. */
export function actorOf(request: FastifyRequest): string {
  const { principal } = request;
  return principal?.kind === 'user' ? `user ${principal.user}` : `api key (${principal?.role ?? 'none'})`;
}
