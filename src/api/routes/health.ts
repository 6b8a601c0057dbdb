// For those who watch the process: alive, ready, and figures for Prometheus. Open to everybody, so they say nothing
// about any event.

import { Type } from 'typebox';
import { PROBLEM_CONTENT_TYPE, Problem, ProblemAnswer } from '../../core/http/problem.ts';
import type { Api, ApiCore } from '../api.ts';
import { NoQuery } from '../schemas.ts';

const Ready = Type.Object({
  status: Type.String(),
  missing: Type.Array(Type.String()),
  warnings: Type.Array(Type.String()),
});

export function healthRoutes(app: Api, core: ApiCore): void {
  const config = { access: 'public' } as const;
  const tags = ['operation'];

  app.get(
    '/healthz',
    {
      config,
      schema: {
        operationId: 'health',
        tags,
        summary: 'The process answers',
        security: [],
        querystring: NoQuery,
        response: { 200: Type.Object({ status: Type.String() }) },
      },
    },
    () => ({ status: 'ok' }),
  );

  app.get(
    '/readyz',
    {
      config,
      schema: {
        operationId: 'ready',
        tags,
        summary: 'Events would be accepted and run now',
        security: [],
        querystring: NoQuery,
        description:
          '503 names what is missing: database, migrations, temporal, worker. `warnings` say what works and yet endangers the promise, such as fsync off, a clock 2 s away or a transaction pooler.',
        response: {
          200: Ready,
          503: { description: 'Not ready.', content: { [PROBLEM_CONTENT_TYPE]: { schema: ProblemAnswer } } },
        },
      },
    },
    async () => {
      const { missing, details, warnings } = await core.readiness.read();
      if (missing.length === 0) return { status: 'ready', missing, warnings };
      const detail = missing.map((name) => `${name}: ${details[name] ?? 'is missing'}`).join('; ');
      throw new Problem(503, 'not_ready', detail, { missing, details, warnings });
    },
  );

  app.get(
    '/metrics',
    {
      config,
      schema: {
        operationId: 'metrics',
        tags,
        summary: 'Figures for Prometheus',
        security: [],
        querystring: NoQuery,
        produces: ['text/plain'],
      },
    },
    async (_request, reply) => {
      reply.header('content-type', core.metrics.contentType);
      return core.metrics.text();
    },
  );
}
