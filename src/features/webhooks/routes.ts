// How webhooks go, by target. Addresses are of the payloads: who may not see those sees nothing here.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { milliseconds } from '../../core/duration.ts';
import type { RouteDependencies } from '../../core/feature.ts';
import { problem, problems } from '../../core/http/problem.ts';
import type { WebhookSettings } from './settings.ts';
import { readTargets, type TargetRow } from './store.ts';

const SINCE_DEFAULT = '24h';
const SINCE_MS_MAX = milliseconds('30d');

const Query = Type.Object(
  {
    since: Type.Optional(
      Type.String({ maxLength: 20, description: 'How far back, 30d at most.', examples: ['1h', '24h', '7d'] }),
    ),
  },
  { additionalProperties: false },
);
const Count = Type.Integer({ minimum: 0 });
const Target = Type.Object({
  url: Type.String(),
  total: Count,
  processed: Count,
  failed: Count,
  extinct: Count,
  cancelled: Count,
  waiting: Count,
  successRate: Type.Union([Type.Number(), Type.Null()], {
    description: 'Of those that were tried: PROCESSED beside FAILED and EXTINCT.',
  }),
  answers: Type.Record(Type.String(), Count, { description: 'How often each answer came last; `none`: no answer.' }),
  lastAt: Type.String({ format: 'date-time' }),
  lastError: Type.Union([Type.String(), Type.Null()]),
});
const Answer = Type.Object({
  since: Type.String({ format: 'date-time' }),
  targets: Type.Array(Target, { description: 'The 100 with the most webhooks.' }),
  complete: Type.Boolean({ description: 'false: there were more; the newest 5,000 webhooks are counted.' }),
});

export function webhookRoutes(app: FastifyInstance, { pool }: RouteDependencies<WebhookSettings>): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    '/v1/webhooks/targets',
    {
      config: { shows: 'payloads' },
      schema: {
        operationId: 'listWebhookTargets',
        tags: ['webhooks'],
        summary: 'How webhooks go, by target: success rate and answers',
        querystring: Query,
        response: { 200: Answer, ...problems(400, 403) },
      },
    },
    async (request): Promise<Static<typeof Answer>> => {
      const since = new Date(Date.now() - sinceMs(request.query.since ?? SINCE_DEFAULT));
      const { targets, complete } = await readTargets(pool, since);
      return { since: since.toISOString(), targets: targets.map(present), complete };
    },
  );
}

function sinceMs(text: string): number {
  try {
    const ms = milliseconds(text);
    if (ms > 0 && ms <= SINCE_MS_MAX) return ms;
  } catch {
    // Said below.
  }
  throw problem(400, 'invalid_query', 'must be a duration up to 30d, such as 24h', { path: '/since' });
}

function present({ lastAt, ...row }: TargetRow): Static<typeof Target> {
  const tried = row.processed + row.failed + row.extinct;
  return { ...row, successRate: tried === 0 ? null : row.processed / tried, lastAt: lastAt.toISOString() };
}
