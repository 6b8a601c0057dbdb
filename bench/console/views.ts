// What each page of the console asks the API for, and how long that takes with some sessions that do nothing else.

import { setTimeout as delay } from 'node:timers/promises';
import { ADMIN_KEY } from '../tem.ts';
import { type Spread99, spread99 } from './spread.ts';

export interface View {
  id: string;
  /** One after the other, as the page asks. */
  paths: readonly string[];
}

/** Between the views of a session: a page asks again after 2 to 10 seconds. */
const REST_MS = 250;

/** Things of the ledger that views are about. */
export interface Sample {
  ended: string;
  failed: string;
  fingerprint: string;
}

export function viewsOf({ ended, failed, fingerprint }: Sample): View[] {
  const event = (id: string): string[] => [`/v1/events/${id}`, `/v1/events/${id}/history`, `/v1/events/${id}/emitted`];
  return [
    { id: 'stats', paths: ['/v1/stats'] },
    { id: 'events', paths: ['/v1/events'] },
    { id: 'events of a state', paths: ['/v1/events?state=EXTINCT'] },
    { id: 'events of a type and state', paths: ['/v1/events?type=seed.3&state=PROCESSED'] },
    { id: 'events that wait', paths: ['/v1/events?state=QUEUED,PROCESSING,FAILED'] },
    { id: 'events of a group', paths: ['/v1/events?group=tenant-9'] },
    { id: 'an event by key', paths: ['/v1/events?key=ended-777'] },
    { id: 'nothing matches', paths: ['/v1/events?type=seed.3&state=CANCELLED'] },
    { id: 'long ago', paths: ['/v1/events?to=2000-01-01T00:00:00Z'] },
    { id: 'events of a fingerprint', paths: [`/v1/events?fingerprint=${fingerprint}&state=FAILED,EXTINCT`] },
    { id: 'one event', paths: event(ended) },
    { id: 'one that failed', paths: event(failed) },
    { id: 'failures', paths: ['/v1/failures'] },
    { id: 'failures of a type', paths: ['/v1/failures?type=bench.noop'] },
    { id: 'redrives', paths: ['/v1/redrives'] },
    { id: 'event types', paths: ['/v1/event-types'] },
    { id: 'workers', paths: ['/v1/workers', '/v1/workers/active'] },
    { id: 'scaling', paths: ['/v1/scaling'] },
    { id: 'flows', paths: ['/v1/flows'] },
    { id: 'schedules', paths: ['/v1/schedules'] },
    { id: 'webhooks', paths: ['/v1/webhooks/targets?since=30d'] },
    { id: 'notifications', paths: ['/v1/notifications/recent'] },
    { id: 'reports', paths: ['/v1/reports'] },
    { id: 'price checks', paths: ['/v1/price/statistics', '/v1/price/sweeps'] },
    { id: 'search sync', paths: ['/api/v1/health/detailed', '/v1/search-sync/mappings'] },
    { id: 'audit', paths: ['/v1/audit'] },
    { id: 'keys', paths: ['/v1/keys'] },
  ];
}

/** By view, over all sessions. Every session goes through all views, each beginning with another one. */
export async function measureViews(
  apiUrl: string,
  views: readonly View[],
  { sessions, rounds }: { sessions: number; rounds: number },
): Promise<Map<string, Spread99>> {
  const times = new Map<string, number[]>(views.map(({ id }) => [id, []]));
  await Promise.all(
    Array.from({ length: sessions }, async (_, session) => {
      for (let round = 0; round < rounds; round++) {
        for (let index = 0; index < views.length; index++) {
          const view = views[(index + session * 5) % views.length] as View;
          const startedAt = performance.now();
          for (const path of view.paths) await get(apiUrl, path);
          times.get(view.id)?.push(performance.now() - startedAt);
          await delay(REST_MS * (0.5 + Math.random()));
        }
      }
    }),
  );
  return new Map([...times].map(([id, values]) => [id, spread99(values)]));
}

export async function get(apiUrl: string, path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${apiUrl}${path}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const body = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${String(body.detail)}`);
  return body;
}
