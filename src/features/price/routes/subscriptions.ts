// Who hears of deals: subscriptions of a user's inbox or of a Telegram chat, to all deals or those of a shop or product.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../../core/access/principal.ts';
import { audited } from '../../../core/audit.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { notFound, problem, problems } from '../../../core/http/problem.ts';
import { USER_LENGTH_MAX, USER_PATTERN } from '../../../core/user.ts';
import { Id } from '../messages.ts';
import type { PriceSettings } from '../settings.ts';
import { Cursor, cursorKey, LIMIT_DEFAULT, Limit, NextCursor, NoQuery, page, TAGS } from './paging.ts';

const Params = Type.Object({ id: Id });
const Query = Type.Object({ cursor: Cursor, limit: Limit }, { additionalProperties: false });
const Body = Type.Object(
  {
    user: Type.Optional(Type.String({ minLength: 1, maxLength: USER_LENGTH_MAX, pattern: USER_PATTERN })),
    chat: Type.Optional(
      Type.String({ pattern: '^(-?\\d{1,20}|@[A-Za-z0-9_]{1,64})$', description: 'a Telegram chat' }),
    ),
    shop: Type.Optional(Id),
    product: Type.Optional(Id),
    minPercent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
  },
  { additionalProperties: false },
);
const Any = Type.Object({}, { additionalProperties: true });
const COLUMNS = `id, "user", chat, shop, product, min_percent::float8 as "minPercent"`;

export function subscriptionRoutes(app: FastifyInstance, { pool, settings }: RouteDependencies<PriceSettings>): void {
  app.put<{ Params: Static<typeof Params>; Body: Static<typeof Body> }>(
    '/v1/price/subscriptions/:id',
    {
      schema: {
        operationId: 'putPriceSubscription',
        tags: TAGS,
        summary: 'Tell a user or a Telegram chat of deals',
        params: Params,
        querystring: NoQuery,
        body: Body,
        response: { 200: Any, ...problems(400) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { user, chat, shop, product, minPercent } = request.body;
      if ((user === undefined) === (chat === undefined))
        throw problem(400, 'invalid_field', 'must have either user or chat', { path: '/user' });
      if (chat !== undefined && !settings.telegram)
        throw problem(400, 'invalid_field', 'TEM_TELEGRAM_TOKEN is not set', { path: '/chat' });
      return audited(pool, actorOf(request), async (client, audit) => {
        const before = await client.query(`select ${COLUMNS} from tem.price_subscription where id = $1 for update`, [
          id,
        ]);
        const { rows } = await client.query(
          `insert into tem.price_subscription (id, "user", chat, shop, product, min_percent) values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do update set "user" = excluded."user", chat = excluded.chat, shop = excluded.shop,
           product = excluded.product, min_percent = excluded.min_percent returning ${COLUMNS}`,
          [id, user ?? null, chat ?? null, shop ?? null, product ?? null, minPercent ?? 0],
        );
        await audit({ action: 'subscription.put', target: id, before: before.rows[0], after: rows[0] });
        return rows[0];
      });
    },
  );

  app.delete<{ Params: Static<typeof Params> }>(
    '/v1/price/subscriptions/:id',
    {
      schema: {
        operationId: 'deletePriceSubscription',
        tags: TAGS,
        summary: 'End a subscription',
        params: Params,
        querystring: NoQuery,
        response: { 204: Type.Null(), ...problems(404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(pool, actorOf(request), async (client, audit) => {
        const { rows } = await client.query(`delete from tem.price_subscription where id = $1 returning ${COLUMNS}`, [
          id,
        ]);
        if (rows.length === 0) throw notFound(`subscription ${id}`);
        await audit({ action: 'subscription.delete', target: id, before: rows[0] });
      });
      return reply.code(204).send();
    },
  );

  app.get<{ Querystring: Static<typeof Query> }>(
    '/v1/price/subscriptions',
    {
      schema: {
        operationId: 'listPriceSubscriptions',
        tags: TAGS,
        summary: 'All subscriptions',
        querystring: Query,
        response: { 200: Type.Object({ subscriptions: Type.Array(Any), nextCursor: NextCursor }), ...problems(400) },
      },
    },
    async ({ query: { cursor, limit = LIMIT_DEFAULT } }) => {
      const { rows: found } = await pool.query<{ id: string }>(
        `select ${COLUMNS} from tem.price_subscription where $1::text is null or id > $1 order by id limit $2`,
        [cursorKey(cursor) ?? null, limit + 1],
      );
      const { rows, nextCursor } = page(found, limit, ({ id }) => id);
      return { subscriptions: rows, nextCursor };
    },
  );
}
