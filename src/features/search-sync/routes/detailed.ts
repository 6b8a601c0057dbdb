// `GET /api/v1/health/detailed`: memory, database, target and queue in one answer, as pages for the queue before TEM ask for.

import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { problems } from '../../../core/http/problem.ts';
import { readQueue } from '../queue/stats.ts';
import { DEFAULT_TARGET } from '../settings.ts';
import { readHealth, testConnection } from './queue.ts';
import type { SearchRoutes } from './surface.ts';

const Answer = Type.Object({
  status: Type.String(),
  timestamp: Type.String({ format: 'date-time' }),
  uptime: Type.Number({ description: 'Seconds.' }),
  memory: Type.Unknown(),
  database: Type.Unknown(),
  target: Type.Unknown(),
  queue: Type.Unknown(),
});

export function detailedRoutes(app: FastifyInstance, search: SearchRoutes): void {
  app.get(
    '/api/v1/health/detailed',
    {
      schema: {
        operationId: 'getDetailedHealth',
        tags: ['search sync'],
        summary: 'Memory, database, target and queue in one answer',
        querystring: Type.Object({}, { additionalProperties: false }),
        response: { 200: Answer, ...problems() },
      },
    },
    async () => {
      const startedAt = performance.now();
      await search.pool.query('select 1');
      const database = { ok: true, latencyMs: Math.round((performance.now() - startedAt) * 10) / 10 };
      const [target, health, stats] = [
        await testConnection(search, DEFAULT_TARGET),
        await readHealth(search),
        await readQueue(search.pool, search.settings.stuckAfterMs),
      ];
      const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
      return {
        status: target.ok ? health.status : 'unhealthy',
        timestamp: new Date().toISOString(),
        uptime: Math.round(process.uptime()),
        memory: { rss, heapTotal, heapUsed, external },
        database,
        target,
        queue: { ...stats, ...health },
      };
    },
  );
}
