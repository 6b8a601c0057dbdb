// What there is and how it goes: the event types and the ledger's figures.

import { presentEventType } from '../../core/event-type-description.ts';
import { problems } from '../../core/http/problem.ts';
import type { Api, ApiCore } from '../api.ts';
import { EventTypesAnswer, NoQuery } from '../schemas.ts';
import { StatsAnswer } from '../stats-schema.ts';

export function overviewRoutes(app: Api, core: ApiCore): void {
  app.get(
    '/v1/event-types',
    {
      schema: {
        operationId: 'listEventTypes',
        tags: ['event types'],
        summary: 'Event types that the API or a worker knows',
        querystring: NoQuery,
        response: { 200: EventTypesAnswer, ...problems() },
      },
    },
    async () => {
      await core.directory.fresh();
      const eventTypes = core.directory
        .all()
        .map(({ name, code, workers, override }) => presentEventType(name, code, workers, override));
      return { eventTypes, nextCursor: null };
    },
  );

  app.get(
    '/v1/stats',
    {
      schema: {
        operationId: 'getStats',
        tags: ['operation'],
        summary: 'Counts, rates, ages and durations',
        querystring: NoQuery,
        description:
          'Read at most once a second, more seldom on a large ledger, and kept while they can not be read; `at` says when. Counts of more than 50,000 events of a type in one state are estimates, and `estimated` names them.',
        response: { 200: StatsAnswer, ...problems() },
      },
    },
    () => core.stats.read(),
  );
}
