// What an operator asks of notifications: who got what lately, and how one user's inbox stands. Sockets are those of the
// API process that answers; others have their own.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RouteDependencies } from '../../core/feature.ts';
import { problems } from '../../core/http/problem.ts';
import type { Gateway } from './gateway/gateway.ts';
import { NotificationId, User } from './messages.ts';
import type { NotificationSettings } from './settings.ts';
import { inboxState, listRecent } from './store.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;

const Time = Type.String({ format: 'date-time' });
const Uuid = Type.String({ format: 'uuid' });
const Sockets = Type.Integer({ minimum: 0, description: 'Open at the API process that answers.' });
const BoundedCount = Type.Object({
  count: Type.Integer({ minimum: 0 }),
  isExact: Type.Boolean({ description: 'false: so many at least' }),
});

const RecentQuery = Type.Object(
  {
    cursor: Type.Optional(Type.String({ format: 'uuid', description: 'nextCursor of the page before' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT })),
  },
  { additionalProperties: false },
);
const RecentPage = Type.Object({
  notifications: Type.Array(
    Type.Object({
      user: User,
      id: NotificationId,
      event: Uuid,
      title: Type.String(),
      createdAt: Time,
      readAt: Type.Union([Time, Type.Null()]),
    }),
  ),
  nextCursor: Type.Union([Uuid, Type.Null()]),
  sockets: Sockets,
});

const InboxParams = Type.Object({ user: User });
const NoQuery = Type.Object({}, { additionalProperties: false });
const InboxState = Type.Object({
  user: User,
  lastId: NotificationId,
  unread: BoundedCount,
  kept: BoundedCount,
  sockets: Sockets,
  sentUpTo: Type.Union([NotificationId, Type.Null()], {
    description: 'Up to this id everything was sent to each of these sockets, or known to it; null without any.',
  }),
});

export function operatorRoutes(
  app: FastifyInstance,
  { pool }: RouteDependencies<NotificationSettings>,
  gateway: Pick<Gateway, 'sockets' | 'socketsOf'>,
): void {
  app.get<{ Querystring: Static<typeof RecentQuery> }>(
    '/v1/notifications/recent',
    {
      config: { shows: 'payloads' },
      schema: {
        operationId: 'listRecentNotifications',
        tags: ['notifications'],
        summary: "Everybody's notifications, those of the newest events first",
        querystring: RecentQuery,
        response: { 200: RecentPage, ...problems(400, 403) },
      },
    },
    async ({ query: { cursor, limit = LIMIT_DEFAULT } }): Promise<Static<typeof RecentPage>> => {
      const found = await listRecent(pool, cursor, limit + 1);
      const notifications = found.slice(0, limit);
      const nextCursor = found.length > limit ? (notifications.at(-1)?.event ?? null) : null;
      return { notifications, nextCursor, sockets: gateway.sockets };
    },
  );

  app.get<{ Params: Static<typeof InboxParams> }>(
    '/v1/users/:user/inbox',
    {
      schema: {
        operationId: 'getInbox',
        tags: ['notifications'],
        summary: "How a user's inbox stands: unread, kept, connected, sent",
        params: InboxParams,
        querystring: NoQuery,
        response: { 200: InboxState, ...problems(400) },
      },
    },
    async ({ params: { user } }): Promise<Static<typeof InboxState>> => ({
      user,
      ...(await inboxState(pool, user)),
      ...gateway.socketsOf(user),
    }),
  );
}
