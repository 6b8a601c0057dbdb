// The incidents over HTTP: what is wrong, from when to when, and who was told.

import { type Static, Type } from 'typebox';
import { listIncidents } from '../../core/alerts/index.ts';
import { problem, problems } from '../../core/http/problem.ts';
import { readCursor, writeCursor } from '../../core/ledger/cursor.ts';
import type { Api, ApiCore } from '../api.ts';

const LIMIT_DEFAULT = 50;
const Time = Type.String({ format: 'date-time' });
const nullableTime = Type.Union([Time, Type.Null()]);

const AlertQuery = Type.Object(
  {
    open: Type.Optional(Type.Boolean({ description: 'true: those that last; false: those that are over.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ maxLength: 100, description: 'nextCursor of the page before.' })),
  },
  { additionalProperties: false },
);
const Alert = Type.Object({
  id: Type.String({ format: 'uuid' }),
  kind: Type.String({ examples: ['extinct', 'oldest_queued', 'schedules_missed', 'no_worker'] }),
  subject: Type.String({
    description: 'With what: an event type, a sweep. Empty where there is only one of the kind.',
  }),
  detail: Type.String(),
  advice: Type.String({ description: 'What to do.' }),
  count: Type.Number({ description: 'The most that was seen while it lasted.' }),
  samples: Type.Array(Type.String(), { description: 'Ids of a few of them.' }),
  beganAt: Time,
  seenAt: Time,
  endedAt: nullableTime,
  told: Type.Array(
    Type.Object({
      what: Type.String({ enum: ['began', 'ended'] }),
      way: Type.String({ enum: ['webhook', 'mail'] }),
      state: Type.String({ enum: ['waiting', 'told', 'given_up'] }),
      tries: Type.Integer(),
      error: Type.Union([Type.String(), Type.Null()]),
      toldAt: nullableTime,
    }),
  ),
});
const Alerts = Type.Object({ alerts: Type.Array(Alert), nextCursor: Type.Union([Type.String(), Type.Null()]) });

export function alertRoutes(app: Api, { pool }: ApiCore): void {
  app.get(
    '/v1/alerts',
    {
      schema: {
        operationId: 'listAlerts',
        tags: ['operation'],
        summary: 'Incidents, newest first: what is or was wrong, what to do, and who was told',
        querystring: AlertQuery,
        response: { 200: Alerts, ...problems(400) },
      },
    },
    async ({ query: { open, cursor, limit = LIMIT_DEFAULT } }) => {
      const before = cursor === undefined ? undefined : readCursor(cursor);
      if (cursor !== undefined && before === undefined) {
        throw problem(400, 'invalid_query', 'is no cursor of this list: take nextCursor of the page before', {
          path: '/cursor',
        });
      }
      const found = await listIncidents(pool, { open, before, limit: limit + 1 });
      const last = found.length > limit ? found[limit - 1] : undefined;
      return {
        alerts: found.slice(0, limit).map(present),
        nextCursor: last ? writeCursor(last.id) : null,
      };
    },
  );
}

function present({
  beganAt,
  seenAt,
  endedAt,
  ...incident
}: Awaited<ReturnType<typeof listIncidents>>[number]): Static<typeof Alert> {
  return {
    ...incident,
    beganAt: beganAt.toISOString(),
    seenAt: seenAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}
