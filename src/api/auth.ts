// Who calls, and whether he may. An API key names a program or an operator, a session of the console a person or a key, and
// a user token (HS256, signed by the application) one end user, so that no browser ever holds a key. A route that says
// nothing is for viewers when it reads and for operators when it changes something.

import { timingSafeEqual } from 'node:crypto';
import type { FastifyContextConfig, FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { jwtVerify } from 'jose';
import type { Config } from '../config.ts';
import type { KeyRing } from '../core/access/key-ring.ts';
import { hashOf } from '../core/access/keys.ts';
import {
  actorOf,
  type KeyHolder,
  type Principal,
  type Role,
  reaches,
  SETTINGS_KEY_NAME,
} from '../core/access/principal.ts';
import type { Auth } from '../core/feature.ts';
import { Problem } from '../core/http/problem.ts';
import { isUser } from '../core/user.ts';
import type { Callers } from './callers.ts';
import { authenticateFrom } from './limits.ts';
import { sessionToken } from './session-cookie.ts';

export { actorOf } from '../core/access/principal.ts';

/**
 * `public`: everybody. `user`: end users too (the route checks whose), and keys and people as if it said nothing. A role: keys and
 * people that reach it. Default: `viewer` for GET and HEAD, else `operator`.
 */
export type Access = 'public' | 'user' | Role;

declare module 'fastify' {
  interface FastifyInstance {
    /** Of every route, in the order of their registration. */
    accessRules(): AccessRule[];
    /** Who the request's key or session belongs to now: for what stays open for longer than a call. */
    principalNow(request: FastifyRequest): Promise<Principal | undefined>;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** The route itself keeps to the types and groups that its caller is confined to; without it, such a caller may not call it. */
    scoped?: boolean;
    /** It shows what events hold: only for who may see that. */
    shows?: 'payloads';
    /** Whether a call with this query wears the database: such calls are limited by caller. */
    costly?: (query: Record<string, unknown>) => boolean;
  }
}

export const CSRF_HEADER = 'x-tem-csrf';
const TOKEN_LENGTH_MAX = 8_192;
const SAFE_METHODS = new Set(['GET', 'HEAD']);

/** The holder of the admin key of the settings; undefined when there is none. */
export function settingsKeyOf({ adminKey }: Pick<Config, 'adminKey'>): { hash: Buffer; holder: KeyHolder } | undefined {
  if (adminKey === undefined) return undefined;
  const rights = { name: SETTINGS_KEY_NAME, role: 'admin', scopes: undefined, mayReadPayloads: true } as const;
  return { hash: hashOf(adminKey), holder: { kind: 'key', ...rights } };
}

/** The check of keys and tokens. Keys are compared as hashes. `keys`: those of the ledger. */
export function createAuth(config: Pick<Config, 'adminKey' | 'userTokenSecret'>, keys?: KeyRing): Auth {
  const settingsKey = settingsKeyOf(config);
  const secret = config.userTokenSecret === undefined ? undefined : new TextEncoder().encode(config.userTokenSecret);
  return {
    async authenticate(token, hash = hashOf(token)) {
      if (token === '' || token.length > TOKEN_LENGTH_MAX) return undefined;
      // First, because it works without a ledger.
      if (settingsKey && timingSafeEqual(hash, settingsKey.hash)) return settingsKey.holder;
      if (token.split('.').length === 3) return secret && authenticateUser(token, secret);
      return keys?.find(hash);
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

/** What a route asks of its caller. */
export interface AccessRule {
  method: string;
  url: string;
  access: Access;
  scoped: boolean;
  showsPayloads: boolean;
}

function rulesOf({ method, url, config = {} }: RouteOptions): AccessRule[] {
  const { scoped = false, shows } = config;
  const flags = { scoped, showsPayloads: shows === 'payloads' };
  return [method].flat().map((each) => ({ method: each, url, access: ruleOf(each, config).access, ...flags }));
}

/** What a route asks for, said or not. */
function ruleOf(method: string, { access }: FastifyContextConfig): { access: Access; role: Role } {
  const byMethod = SAFE_METHODS.has(method) ? 'viewer' : 'operator';
  if (access === undefined) return { access: byMethod, role: byMethod };
  return { access, role: access === 'public' || access === 'user' ? byMethod : access };
}

/** Checks every request before its body is read. */
export function requireAccess(app: FastifyInstance, callers: Callers): void {
  app.decorateRequest('principal', undefined);
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));
  // Later hooks may still say who may call.
  app.decorate('principalNow', (request: FastifyRequest) => identify(request, callers));
  app.decorate('accessRules', () => routes.flatMap(rulesOf));
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const { access, role } = ruleOf(request.method, request.routeOptions.config);
    if (access === 'public') {
      // What is open to everybody answers without a ledger too.
      request.principal = await identify(request, callers).catch(() => undefined);
      return;
    }
    const principal = await identify(request, callers);
    request.principal = principal;
    if (!principal) throw unauthorized(request);
    refuse(principal, access, role);
    refuseBeyond(request, principal);
    if (request.routeOptions.config.costly?.(request.query as Record<string, unknown>)) {
      callers.takeRead(actorOf(request));
    }
  });
}

async function identify(request: FastifyRequest, callers: Callers): Promise<Principal | undefined> {
  const token = bearerToken(request);
  if (token !== undefined) return authenticateFrom(callers, request.ip, token);
  const cookie = sessionToken(request);
  const session = cookie === undefined ? undefined : await callers.sessions.find(cookie);
  if (session && !SAFE_METHODS.has(request.method) && request.headers[CSRF_HEADER] !== session.csrf) {
    throw new Problem(403, 'csrf', `a session's call that changes something needs the header ${CSRF_HEADER}`);
  }
  return session?.principal;
}

function refuse(principal: Principal, access: Access, role: Role): void {
  if (principal.kind === 'user') {
    if (access === 'user') return;
    throw new Problem(403, 'forbidden', 'a user token may not make this call; it needs an API key');
  }
  if (!reaches(principal.role, role)) {
    throw new Problem(
      403,
      'forbidden',
      `this call is for the role ${role}; ${principal.name} has the role ${principal.role}`,
    );
  }
}

/** What a key or a person may not although the role allows it. */
function refuseBeyond({ routeOptions: { config } }: FastifyRequest, principal: Principal): void {
  if (principal.kind === 'user') return;
  if (principal.scopes && !config.scoped) {
    throw new Problem(
      403,
      'forbidden',
      'a caller that is confined to types or groups of events may not make this call',
    );
  }
  if (config.shows === 'payloads' && !principal.mayReadPayloads) {
    throw new Problem(403, 'forbidden', 'this call shows what events hold, which this caller may not see');
  }
}

function unauthorized(request: FastifyRequest): Problem {
  const detail =
    bearerToken(request) !== undefined
      ? 'the key or token is not valid'
      : sessionToken(request) !== undefined
        ? 'the session has ended: sign in again'
        : 'send Authorization: Bearer <API key>';
  return new Problem(401, 'unauthorized', detail);
}

function bearerToken(request: FastifyRequest): string | undefined {
  const match = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  return match?.[1];
}
