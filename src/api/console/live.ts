// GET /console/live: the sample as server-sent events. A stream ends soon after its key or session has, and by itself after a
// while, to be opened again.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { rightsOf } from '../../core/access/principal.ts';
import { Problem } from '../../core/http/problem.ts';
import type { StatsReader } from '../../core/ledger/stats.ts';
import type { Api } from '../api.ts';
import { NoQuery } from '../schemas.ts';
import { createSampler } from './sample.ts';

const ENDS_AFTER_MS = 60_000;
/** How often it is asked whether who looks still may. */
const ASKED_EVERY_MS = 2_000;
const STREAMS_MAX = 200;
/** A browser that has lost its stream comes again after so long, each after another time. */
const RETRY_MS_MIN = 2_000;
const RETRY_MS_MAX = 8_000;
/** What a client that doesn't read may leave unread. */
const UNREAD_BYTES_MAX = 1024 * 1024;

export function liveRoute(app: Api, dependencies: { pool: Pool; stats: StatsReader; log: Logger }): void {
  const sampler = createSampler(dependencies);
  const streams = new Set<() => void>();
  app.addHook('preClose', (done) => {
    for (const end of [...streams]) end();
    done();
  });
  app.get('/console/live', { schema: { hide: true, querystring: NoQuery } }, (request, reply) => {
    // The figures are of all events.
    if (rightsOf(request)?.scopes)
      throw new Problem(403, 'forbidden', 'the figures are of all events, and this key is for some of them');
    if (streams.size >= STREAMS_MAX)
      throw new Problem(503, 'ledger_unavailable', 'too many consoles follow at once; ask again later');
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Proxies that collect answers would hold samples back.
      'x-accel-buffering': 'no',
    });
    const retryMs = Math.round(RETRY_MS_MIN + Math.random() * (RETRY_MS_MAX - RETRY_MS_MIN));
    raw.write(`retry: ${retryMs}\n\n`);
    const unfollow = sampler.follow((sample) => {
      if (raw.writableLength < UNREAD_BYTES_MAX) raw.write(`data: ${JSON.stringify(sample)}\n\n`);
    });
    const end = (): void => {
      clearTimeout(timer);
      clearInterval(asking);
      unfollow();
      streams.delete(end);
      raw.end();
    };
    const timer = setTimeout(end, ENDS_AFTER_MS);
    const asking = setInterval(() => {
      app.principalNow(request).then(
        (principal) => principal ?? end(),
        // What can't be asked now is asked again.
        () => {},
      );
    }, ASKED_EVERY_MS);
    streams.add(end);
    raw.once('close', end);
  });
}
