// Suggestions over HTTP, for API keys and for end users, each with so many calls a minute.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { notFound, problem, problems } from '../../../core/http/problem.ts';
import { SuggestAnswer, SuggestQuery } from '../messages.ts';
import { readMappings } from '../store.ts';
import { CallLimit, suggest } from '../suggest.ts';
import { requireOn, type SearchRoutes, translated } from './surface.ts';

const IndexParams = Type.Object({ index: Type.String({ minLength: 1, maxLength: 200 }) });

export function suggestRoutes(app: FastifyInstance, search: SearchRoutes): void {
  const limits = new CallLimit(search.settings.suggestPerMinute);
  app.get<{ Params: Static<typeof IndexParams>; Querystring: Static<typeof SuggestQuery> }>(
    '/v1/search/:index/suggest',
    {
      config: { access: 'user', shows: 'payloads' },
      schema: {
        operationId: 'suggest',
        tags: ['search sync'],
        summary: 'What completes a text, or is like it',
        security: [{ userToken: [] }, { apiKey: [] }],
        params: IndexParams,
        querystring: SuggestQuery,
        response: { 200: SuggestAnswer, ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      requireOn(search);
      const waitSeconds = limits.take(search.actor(request));
      if (waitSeconds > 0) {
        void reply.header('retry-after', String(Math.ceil(waitSeconds)));
        throw problem(
          429,
          'too_many_requests',
          `at most ${search.settings.suggestPerMinute} suggestions a minute: come again after Retry-After`,
        );
      }
      const { index } = request.params;
      const mapping = (await readMappings(search.pool)).find((each) => each.index === index);
      if (!mapping) throw notFound(`the index ${index}`);
      if (mapping.suggest.length === 0) {
        throw problem(
          400,
          'no_suggestions',
          `${index} has no columns for suggestions: put the mapping with suggest: [...]`,
          { path: '/index' },
        );
      }
      const target = search.targets[mapping.targets[0] ?? ''];
      const { q, limit = 10 } = request.query;
      const suggestions = target && (await translated(() => suggest(target, index, mapping.suggest, { q, limit })));
      return { suggestions: suggestions ?? [] };
    },
  );
}
