// GET /v1/events/{id}/emitted: what became of what an event's handler has emitted, such as webhooks and notifications.

import { type Static, Type } from 'typebox';
import { HIDDEN, isOwn, seesPayloads } from '../../core/access/confine.ts';
import { problem, problems } from '../../core/http/problem.ts';
import { readCursor, writeCursor } from '../../core/ledger/cursor.ts';
import { listEmitted } from '../../core/ledger/emitted.ts';
import { instant } from '../../core/ledger/present.ts';
import { STATES } from '../../core/ledger/states.ts';
import type { Api, ApiCore } from '../api.ts';
import { IdParams } from '../schemas.ts';
import { ownEventId } from './event-id.ts';

const LIMIT_DEFAULT = 50;

const EmittedQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ maxLength: 100, description: 'nextCursor of the page before.' })),
  },
  { additionalProperties: false },
);
const EmittedPage = Type.Object({
  events: Type.Array(
    Type.Object({
      id: Type.String({ format: 'uuid' }),
      type: Type.String(),
      key: Type.String(),
      group: Type.Union([Type.String(), Type.Null()]),
      state: Type.Enum([...STATES]),
      createdAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
    }),
  ),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

export function emittedRoute(app: Api, core: ApiCore): void {
  app.get(
    '/v1/events/:id/emitted',
    {
      config: { scoped: true },
      schema: {
        operationId: 'listEmittedEvents',
        tags: ['events'],
        summary: 'What the handler of an event has emitted, oldest first',
        params: IdParams,
        querystring: EmittedQuery,
        response: { 200: EmittedPage, ...problems(400, 404) },
      },
    },
    async (request): Promise<Static<typeof EmittedPage>> => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const after = cursor === undefined ? undefined : readCursor(cursor);
      if (cursor !== undefined && after === undefined) {
        throw problem(400, 'invalid_cursor', 'is not a cursor of this list', { path: '/cursor' });
      }
      const id = await ownEventId(core, request, request.params.id);
      const found = await listEmitted(core.pool, id, after, limit + 1);
      const last = found.length > limit ? found[limit - 1] : undefined;
      const events = found
        .slice(0, limit)
        .filter((event) => isOwn(request, event))
        .map(({ created_at, group, key, ...event }) => ({
          ...event,
          key: seesPayloads(request) || key === event.id ? key : HIDDEN,
          group: group === '' ? null : group,
          createdAt: instant(created_at),
        }));
      return { events, nextCursor: last ? writeCursor(last.id) : null };
    },
  );
}
