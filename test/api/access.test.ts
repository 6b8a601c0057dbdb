// Every route against everybody: who gets in, who is sent away. The routes are the app's own list, so that a new one fails
// here until somebody has said whom it is for.

import { SignJWT } from 'jose';
import { expect, it } from 'vitest';
import type { Role } from '../../src/core/access/principal.ts';
import { features } from '../../src/features.ts';
import { USER_TOKEN_SECRET } from '../support/environment.ts';
import { setup } from './setup.ts';

/** A role, or public, or user (end users too); `scoped`: also who is confined to some events; `payloads`: who may see them. */
const ROUTES: Record<string, string[]> = {
  public: [
    'GET /console',
    'GET /console/*',
    'GET /console/session',
    'GET /console/settings',
    'GET /console/sign-in/oidc',
    'GET /console/sign-in/oidc/callback',
    'GET /console/sign-out/oidc',
    'GET /examples/notifications',
    'GET /healthz',
    'GET /metrics',
    'GET /openapi.json',
    'GET /readyz',
    'GET /v1/report-deliveries/:id/file',
    'POST /console/session',
  ],
  user: ['POST /v1/users/:user/notifications/:id/ack'],
  'user payloads': ['GET /v1/search/:index/suggest', 'GET /v1/users/:user/notifications'],
  viewer: [
    'GET /api/v1/ai-suggestions/queue/health',
    'GET /api/v1/ai-suggestions/queue/stats',
    'GET /api/v1/elasticsearch/test-connection',
    'GET /api/v1/health/detailed',
    'GET /v1/event-types',
    'GET /v1/flows',
    'GET /v1/flows/:type',
    'GET /v1/flows/:type/:group',
    'GET /v1/price/deals',
    'GET /v1/price/formula',
    'GET /v1/price/products',
    'GET /v1/price/products/:id',
    'GET /v1/price/products/:id/history',
    'GET /v1/price/shops',
    'GET /v1/price/shops/:id',
    'GET /v1/price/statistics',
    'GET /v1/price/subscriptions',
    'GET /v1/price/sweeps',
    'GET /v1/reports',
    'GET /v1/reports/:id',
    'GET /v1/scaling',
    'GET /v1/schedules',
    'GET /v1/schedules/:id',
    'GET /v1/schedules/:id/history',
    'GET /v1/schedules/:id/runs',
    'GET /v1/search-sync/mappings',
    'GET /v1/search-sync/mappings/:table',
    'GET /v1/search-sync/queue/health',
    'GET /v1/search-sync/queue/stats',
    'GET /v1/search-sync/reindex/:id',
    'GET /v1/search-sync/test-connection',
    'GET /v1/stats',
    'GET /v1/users/:user/inbox',
    'GET /v1/workers',
    'GET /v1/alerts',
    'GET /console/live',
    'GET /v1/erasures/:id',
    'GET /v1/redrives',
    'GET /v1/redrives/:id',
    'GET /v1/redrives/:id/events',
    'GET /v1/workers/active',
    'POST /v1/price/formula/preview',
    'POST /v1/schedules/preview',
  ],
  'viewer scoped': [
    'GET /v1/failures',
    'DELETE /console/session',
    'GET /v1/events',
    'GET /v1/events/:id',
    'GET /v1/events/:id/emitted',
    'GET /v1/events/:id/history',
  ],
  'viewer scoped payloads': ['GET /v1/events/:id/payload'],
  'viewer payloads': [
    'GET /api/v1/ai-suggestions/queue/jobs',
    'GET /v1/notifications/recent',
    'GET /v1/reports/:id/deliveries',
    'GET /v1/search-sync/queue/jobs',
    'GET /v1/webhooks/targets',
  ],
  operator: [
    'DELETE /v1/flows/:type',
    'DELETE /v1/flows/:type/:group',
    'DELETE /v1/price/products/:id',
    'DELETE /v1/price/subscriptions/:id',
    'DELETE /v1/reports/:id',
    'DELETE /v1/schedules/:id',
    'DELETE /v1/search-sync/mappings/:table',
    'GET /v1/audit',
    'POST /api/v1/ai-suggestions/queue/clear',
    'POST /api/v1/ai-suggestions/queue/retry-failed',
    'POST /api/v1/ai-suggestions/queue/start',
    'POST /api/v1/ai-suggestions/queue/stop',
    'POST /v1/price/checks',
    'POST /v1/price/products/:id/check',
    'POST /v1/price/products/import',
    'POST /v1/price/sweeps',
    'POST /v1/price/sweeps/:id/pause',
    'POST /v1/price/sweeps/:id/resume',
    'POST /v1/schedules',
    'POST /v1/schedules/:id/backfill',
    'POST /v1/schedules/:id/pause',
    'POST /v1/schedules/:id/resume',
    'POST /v1/schedules/:id/trigger',
    'POST /v1/search-sync/queue/clear',
    'POST /v1/search-sync/queue/retry-failed',
    'POST /v1/search-sync/queue/start',
    'POST /v1/search-sync/queue/stop',
    'POST /v1/search-sync/reindex',
    'POST /v1/search-sync/reindex/:id/cancel',
    'POST /v1/search-sync/verify',
    'POST /v1/workers/:id/drain',
    'POST /v1/redrives/:id/cancel',
    'POST /v1/redrives/:id/pause',
    'POST /v1/redrives/:id/resume',
    'POST /v1/redrives/:id/undo',
    'PUT /v1/failures/:fingerprint',
    'PUT /v1/event-types/:type',
    'DELETE /v1/event-types/:type',
    'POST /v1/workers/:id/resume',
    'POST /v1/workers/:id/shutdown',
    'PUT /v1/flows/:type',
    'PUT /v1/flows/:type/:group',
    'PUT /v1/price/formula',
    'PUT /v1/price/products/:id',
    'PUT /v1/price/shops/:id',
    'PUT /v1/price/subscriptions/:id',
    'PUT /v1/schedules/:id',
    'PUT /v1/search-sync/mappings/:table',
  ],
  'operator scoped': [
    'POST /v1/events/cancel',
    'POST /v1/events/redrive',
    'POST /v1/events',
    'POST /v1/events/:id/cancel',
    'POST /v1/events/:id/retry',
    'POST /v1/events/batch',
  ],
  'operator payloads': ['POST /v1/reports/:id/run', 'PUT /v1/reports/:id'],
  admin: [
    'DELETE /v1/subjects/:subject',
    'DELETE /v1/keys/:id',
    'GET /v1/keys',
    'POST /v1/keys',
    'POST /v1/keys/:id/rotate',
  ],
};
/** Of pages that a library or the console serves. */
const PUBLIC_BELOW = ['/docs', '/console/assets/'];

const WHO = ['nobody', 'user', 'viewer', 'reader', 'operator', 'blind operator', 'scoped operator', 'admin'] as const;
type Who = (typeof WHO)[number];
const RIGHTS: Partial<Record<Who, { role: Role; payloads?: boolean; scopes?: object }>> = {
  viewer: { role: 'viewer' },
  reader: { role: 'viewer', payloads: true },
  operator: { role: 'operator' },
  'blind operator': { role: 'operator', payloads: false },
  'scoped operator': { role: 'operator', scopes: { types: ['note'] } },
  admin: { role: 'admin' },
};
/** Of calls that look into their body for what the caller may not. */
const BODIES: Record<string, object> = {
  '/v1/events/redrive': { filter: { type: 'note' }, dryRun: true },
  '/v1/events/cancel': { filter: { type: 'note' }, dryRun: true },
};
const LEVELS: Role[] = ['viewer', 'operator', 'admin'];

/** What the rule of a route means for somebody. */
function expected(rule: string, method: string, who: Who): 401 | 403 | 'in' {
  const [access, ...flags] = rule.split(' ') as [string, ...string[]];
  if (access === 'public') return 'in';
  if (who === 'nobody') return 401;
  if (who === 'user') return access === 'user' ? 'in' : 403;
  const { role, payloads, scopes } = RIGHTS[who] as { role: Role; payloads?: boolean; scopes?: object };
  const needed = access === 'user' ? (method === 'GET' ? 'viewer' : 'operator') : (access as Role);
  if (LEVELS.indexOf(role) < LEVELS.indexOf(needed)) return 403;
  if (scopes && !flags.includes('scoped')) return 403;
  if (flags.includes('payloads') && !(payloads ?? role !== 'viewer')) return 403;
  return 'in';
}

it('every route lets in whom it is for, and nobody else', { timeout: 120_000 }, async () => {
  const { app, call } = await setup({ dependencies: { features } });
  await app.ready();
  const rules = new Map(
    Object.entries(ROUTES).flatMap(([rule, routes]) => routes.map((route) => [route, rule] as const)),
  );
  const routes = app.accessRules().filter(({ method }) => method !== 'HEAD');
  const isLibrary = (url: string) => PUBLIC_BELOW.some((path) => url.startsWith(path));
  const named = routes.filter(({ url }) => !isLibrary(url)).map(({ method, url }) => `${method} ${url}`);
  expect([...new Set(named)].sort(), 'a route without a line here, or a line without its route').toEqual(
    [...rules.keys()].sort(),
  );

  const headers: Record<string, { authorization: string }> = { nobody: { authorization: '' } };
  const token = new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('5m');
  headers.user = { authorization: `Bearer ${await token.sign(new TextEncoder().encode(USER_TOKEN_SECRET))}` };
  for (const [name, rights] of Object.entries(RIGHTS)) {
    const { body } = await call('POST', '/v1/keys', { name, ...rights });
    headers[name] = { authorization: `Bearer ${body.key}` };
  }

  const wrong: string[] = [];
  for (const { method, url } of routes) {
    const rule = isLibrary(url) ? 'public' : (rules.get(`${method} ${url}`) as string);
    // Signed links have a check of their own, for whom no key lets in.
    if (url === '/v1/report-deliveries/:id/file') continue;
    // A stream that is let in never ends; its own tests look at it.
    if (url === '/console/live') continue;
    const path = url
      .replace(':user', 'ada')
      .replace('/notifications/:id', '/notifications/1')
      .replace(/:id|:fingerprint/, '01900000-0000-7000-8000-000000000000')
      .replace(/:\w+/g, 'note')
      .replace('*', 'nothing');
    for (const who of WHO) {
      const { status } = await call(
        method as 'GET',
        path,
        method === 'GET' ? undefined : (BODIES[url] ?? {}),
        headers[who],
      );
      const seen = status === 401 || status === 403 ? status : 'in';
      // Signing in says 401 by itself to who gives no key.
      const own = url === '/console/session' && rule === 'public' && seen === 401 ? 'in' : seen;
      const want = expected(rule, method, who);
      if (own !== want) wrong.push(`${who}: ${method} ${path} answered ${status}, expected ${want}`);
      if (status === 500) wrong.push(`${who}: ${method} ${path} answered 500`);
    }
  }
  expect(wrong).toEqual([]);
});
