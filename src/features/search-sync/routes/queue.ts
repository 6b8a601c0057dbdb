// The queue over HTTP, under TEM's prefix and under that of the pages that were there before: figures, health, rows, and what
// people do to it. Both prefixes need the key; only TEM's asks for a confirmation before rows are dropped.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { Type } from 'typebox';
import { problem, problems, refuseBody } from '../../../core/http/problem.ts';
import {
  ClearedAnswer,
  Confirmation,
  ConnectionAnswer,
  JobsAnswer,
  JobsQuery,
  QueueHealth,
  QueueStats,
  RetriedAnswer,
  SwitchedAnswer,
} from '../messages.ts';
import { clearQueue, retryFailed, setPaused } from '../queue/control.ts';
import { judgeQueue, readJobs, readQueue, readSurroundings } from '../queue/stats.ts';
import { DEFAULT_TARGET, OFF } from '../settings.ts';
import type { SearchRoutes } from './surface.ts';

const OWN_PATHS = {
  stats: '/v1/search-sync/queue/stats',
  health: '/v1/search-sync/queue/health',
  jobs: '/v1/search-sync/queue/jobs',
  retryFailed: '/v1/search-sync/queue/retry-failed',
  clear: '/v1/search-sync/queue/clear',
  start: '/v1/search-sync/queue/start',
  stop: '/v1/search-sync/queue/stop',
};
type Paths = typeof OWN_PATHS;
/** Of the pages that were there before TEM. */
const THEIR_PATHS: Paths = {
  stats: '/api/v1/ai-suggestions/queue/stats',
  health: '/api/v1/ai-suggestions/queue/health',
  jobs: '/api/v1/ai-suggestions/queue/jobs',
  retryFailed: '/api/v1/ai-suggestions/queue/retry-failed',
  clear: '/api/v1/ai-suggestions/queue/clear',
  start: '/api/v1/ai-suggestions/queue/start',
  stop: '/api/v1/ai-suggestions/queue/stop',
};
const NoQuery = Type.Object({}, { additionalProperties: false });
const TargetQuery = Type.Object(
  { target: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) },
  { additionalProperties: false },
);

export function queueRoutes(app: FastifyInstance, search: SearchRoutes): void {
  for (const paths of [OWN_PATHS, THEIR_PATHS]) {
    readingRoutes(app, search, paths);
    changingRoutes(app, search, paths);
  }
  connectionRoutes(app, search);
}

/** Once in the document: the other prefix answers the same. */
const named = (isOwn: boolean, operationId: string, summary: string) => ({
  ...(isOwn ? { operationId } : { hide: true }),
  tags: ['search sync'],
  summary,
});

function readingRoutes(app: FastifyInstance, search: SearchRoutes, paths: Paths): void {
  const isOwn = paths === OWN_PATHS;
  const { pool, settings } = search;
  app.get(
    paths.stats,
    {
      schema: {
        ...named(isOwn, 'getSearchQueueStats', 'Rows of the queue by status'),
        querystring: NoQuery,
        response: { 200: QueueStats, ...problems(400) },
      },
    },
    async () => {
      const { recent: _recent, oldestPendingSeconds: _oldest, ...stats } = await readQueue(pool, settings.stuckAfterMs);
      return stats;
    },
  );

  app.get(
    paths.health,
    {
      schema: {
        ...named(isOwn, 'getSearchQueueHealth', 'Health of search sync in words'),
        querystring: NoQuery,
        response: { 200: QueueHealth, ...problems(400) },
      },
    },
    () => readHealth(search),
  );

  app.get<{ Querystring: Static<typeof JobsQuery> }>(
    paths.jobs,
    {
      config: { shows: 'payloads' },
      schema: {
        ...named(isOwn, 'listSearchJobs', 'Rows of the queue, newest first'),
        querystring: JobsQuery,
        response: { 200: JobsAnswer, ...problems(400) },
      },
    },
    async (request) => {
      const { status, table, page = 1, limit = 50 } = request.query;
      return { ...(await readJobs(pool, { status, table, page, limit })), page, limit };
    },
  );
}

export async function readHealth({ pool, settings, targets }: SearchRoutes): Promise<QueueHealth> {
  const [queue, around] = [await readQueue(pool, settings.stuckAfterMs), await readSurroundings(pool)];
  const health = judgeQueue(queue, around, settings.queueMax);
  if (Object.keys(targets).length > 0) return health;
  return {
    ...health,
    issues: [OFF, ...health.issues],
    recommendations: ['set TEM_SEARCH_URL', ...health.recommendations],
  };
}

function changingRoutes(app: FastifyInstance, search: SearchRoutes, paths: Paths): void {
  const isOwn = paths === OWN_PATHS;
  const { pool, log } = search;
  const said = (request: FastifyRequest, action: string, detail: object): void => {
    log.warn({ actor: search.actor(request), ...detail }, `search queue: ${action}`);
  };
  const schema = (operationId: string, summary: string, answer: unknown) => ({
    ...named(isOwn, operationId, summary),
    querystring: NoQuery,
    response: { 200: answer, ...problems(400) },
  });

  app.post(
    paths.retryFailed,
    { schema: schema('retryFailedSearchJobs', 'Failed rows wait again', RetriedAnswer) },
    async (request) => {
      refuseBody(request.body);
      const retried = await retryFailed(pool, search.actor(request));
      said(request, 'retry-failed', { retried });
      return { retried, success: true, message: `${retried} failed jobs wait again` };
    },
  );

  app.post(
    paths.clear,
    {
      schema: {
        ...schema('clearSearchQueue', 'Drops rows that nobody has in hand; needs {"confirm": true}', ClearedAnswer),
        ...(isOwn && { body: Confirmation }),
      },
    },
    async (request) => {
      if (!isOwn) refuseTheirBody(request.body);
      const { cleared, dropped } = await clearQueue(pool, search.actor(request));
      said(request, 'clear', { dropped });
      const what = Object.entries(dropped).map(([status, count]) => `${count} ${status}`);
      return {
        cleared,
        dropped,
        success: true,
        message: cleared === 0 ? 'there was nothing to drop' : `dropped: ${what.join(', ')}`,
      };
    },
  );

  for (const action of ['start', 'stop'] as const) {
    app.post(
      paths[action],
      {
        schema: schema(
          `${action}SearchQueue`,
          action === 'start' ? 'Processors take rows again' : 'No processor takes rows, until it is started',
          SwitchedAnswer,
        ),
      },
      async (request) => {
        refuseBody(request.body);
        const changed = await setPaused(pool, search.actor(request), action === 'stop');
        said(request, action, { changed });
        const state = action === 'stop' ? 'stopped' : 'started';
        return { success: true, message: changed ? `search sync is ${state}` : `search sync was ${state} already` };
      },
    );
  }
}

/** Their pages send nothing, or what TEM's would. */
function refuseTheirBody(body: unknown): void {
  const confirms = typeof body === 'object' && body !== null && (body as { confirm?: unknown }).confirm === true;
  if (!confirms) refuseBody(body);
}

function connectionRoutes(app: FastifyInstance, search: SearchRoutes): void {
  for (const [path, isOwn] of [
    ['/v1/search-sync/test-connection', true],
    ['/api/v1/elasticsearch/test-connection', false],
  ] as const) {
    app.get<{ Querystring: Static<typeof TargetQuery> }>(
      path,
      {
        schema: {
          ...named(isOwn, 'testSearchConnection', 'Asks a target who it is'),
          querystring: TargetQuery,
          response: { 200: ConnectionAnswer, ...problems(400) },
        },
      },
      async (request) => testConnection(search, request.query.target ?? DEFAULT_TARGET),
    );
  }
}

export async function testConnection(
  { targets }: Pick<SearchRoutes, 'targets'>,
  name: string,
): Promise<Static<typeof ConnectionAnswer>> {
  const none = { ok: false, product: null, version: null, latencyMs: null };
  const target = targets[name];
  if (!target) {
    if (name === DEFAULT_TARGET) return { ...none, detail: OFF };
    throw problem(400, 'unknown_target', `there is no target ${name}: set TEM_SEARCH_URL_${name.toUpperCase()}`, {
      path: '/target',
    });
  }
  const startedAt = performance.now();
  try {
    const { product, version } = await target.describe();
    return { ok: true, product, version, latencyMs: Math.round((performance.now() - startedAt) * 10) / 10 };
  } catch (error) {
    return { ...none, detail: (error as Error).message };
  }
}
