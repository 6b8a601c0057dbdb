// The inbox over HTTP and the WebSocket that pushes it. A user token opens its own user's inbox only; an API key any.

import { existsSync, readFileSync } from 'node:fs';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RouteDependencies } from '../../core/feature.ts';
import { notFound, problem, problems, refuseBody } from '../../core/http/problem.ts';
import { createListener } from '../../core/ledger/listener.ts';
import { Gateway } from './gateway/gateway.ts';
import { createUpgrade, GATEWAY_PATH } from './gateway/upgrade.ts';
import { Notification, NotificationId, User } from './messages.ts';
import { operatorRoutes } from './operator-routes.ts';
import type { NotificationSettings } from './settings.ts';
import { acknowledge, readInbox } from './store.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;

const SECURITY = [{ userToken: [] }, { apiKey: [] }];
const EXAMPLE_PAGE = new URL('../../../examples/notifications.html', import.meta.url);
const EXAMPLE_PAGE_POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'";

const InboxParams = Type.Object({ user: User });
const InboxQuery = Type.Object(
  {
    unread: Type.Optional(
      Type.Enum(['', 'true', 'false'], {
        description: '`?unread` or `?unread=true`: only what has not been acknowledged',
      }),
    ),
    cursor: Type.Optional(NotificationId),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT })),
  },
  { additionalProperties: false },
);
const InboxPage = Type.Object({
  notifications: Type.Array(Notification),
  nextCursor: Type.Union([NotificationId, Type.Null()]),
});
const AckParams = Type.Object({ user: User, id: NotificationId });
const NoQuery = Type.Object({}, { additionalProperties: false });

export function notificationRoutes(app: FastifyInstance, dependencies: RouteDependencies<NotificationSettings>): void {
  const { pool } = dependencies;
  operatorRoutes(app, dependencies, serveGateway(app, dependencies));
  serveExamplePage(app);

  app.get<{ Params: Static<typeof InboxParams>; Querystring: Static<typeof InboxQuery> }>(
    '/v1/users/:user/notifications',
    {
      config: { access: 'user', shows: 'payloads' },
      schema: {
        operationId: 'listNotifications',
        tags: ['notifications'],
        summary: "A user's notifications, newest first",
        security: SECURITY,
        params: InboxParams,
        querystring: InboxQuery,
        response: { 200: InboxPage, ...problems(400, 403) },
      },
    },
    async (request): Promise<Static<typeof InboxPage>> => {
      const { user } = request.params;
      const { unread, cursor, limit = LIMIT_DEFAULT } = request.query;
      ownInboxOnly(request, user);
      // One more than asked for tells whether there is a next page.
      const found = await readInbox(pool, {
        user,
        unread: unread !== undefined && unread !== 'false',
        before: cursor,
        limit: limit + 1,
      });
      const notifications = found.slice(0, limit);
      return { notifications, nextCursor: found.length > limit ? (notifications.at(-1)?.id ?? null) : null };
    },
  );

  app.post<{ Params: Static<typeof AckParams> }>(
    '/v1/users/:user/notifications/:id/ack',
    {
      config: { access: 'user' },
      schema: {
        operationId: 'acknowledgeNotification',
        tags: ['notifications'],
        summary: 'Marks one as read; again changes nothing',
        security: SECURITY,
        params: AckParams,
        querystring: NoQuery,
        response: { 200: Notification, ...problems(400, 403, 404) },
      },
    },
    async (request): Promise<Notification> => {
      refuseBody(request.body);
      const { user, id } = request.params;
      ownInboxOnly(request, user);
      const [notification] = await acknowledge(pool, [{ user, id }]);
      if (!notification) throw notFound(`notification ${id} of this user`);
      return notification;
    },
  );
}

function serveGateway(
  app: FastifyInstance,
  { pool, log, auth, settings, databaseUrl, webSockets }: RouteDependencies<NotificationSettings>,
): Gateway {
  const gateway = new Gateway({
    pool,
    log,
    limits: settings,
    createListener: () => createListener(databaseUrl, log),
  });
  app.addHook('onReady', async () => gateway.start());
  // Before the HTTP server closes, which waits for every socket.
  app.addHook('preClose', () => gateway.stop());
  webSockets.serve(GATEWAY_PATH, createUpgrade(gateway, auth, log));
  return gateway;
}

/** A page to try it with, where the examples are there; it holds no secret, the token is pasted into it. */
function serveExamplePage(app: FastifyInstance): void {
  if (!existsSync(EXAMPLE_PAGE)) return;
  const page = readFileSync(EXAMPLE_PAGE, 'utf8');
  app.get('/examples/notifications', { config: { access: 'public' }, schema: { hide: true } }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', EXAMPLE_PAGE_POLICY).send(page),
  );
}

function ownInboxOnly({ principal }: FastifyRequest, user: string): void {
  if (principal?.kind === 'user' && principal.user !== user) {
    throw problem(403, 'forbidden', "the token's sub is not the user of this inbox");
  }
}
