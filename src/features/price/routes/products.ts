// Products over HTTP, their history and deals. A new product is due at once, and its priority is computed with the change.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../../core/access/principal.ts';
import { audited } from '../../../core/audit.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { notFound, problem, problems } from '../../../core/http/problem.ts';
import { Id, ProductAnswer, ProductBody, Tier } from '../messages.ts';
import { isZero } from '../rules/decimal.ts';
import { priorityOf } from '../rules/priority.ts';
import type { PriceSettings } from '../settings.ts';
import { listDeals } from '../store/deals.ts';
import { deleteProduct, putProducts, readHistory, readProducts, type StoredProduct } from '../store/products.ts';
import { readShops } from '../store/shops.ts';
import { Cursor, cursorKey, isNumber, LIMIT_DEFAULT, Limit, NextCursor, NoQuery, page, TAGS } from './paging.ts';

const Params = Type.Object({ id: Id });
const Flag = Type.Enum(['', 'true', 'false']);
const strict = { additionalProperties: false } as const;
const ListQuery = Type.Object(
  { shop: Type.Optional(Id), tier: Type.Optional(Tier), due: Type.Optional(Flag), cursor: Cursor, limit: Limit },
  strict,
);
const HistoryQuery = Type.Object({ cursor: Cursor, limit: Limit }, strict);
const DealsQuery = Type.Object(
  { shop: Type.Optional(Id), active: Type.Optional(Flag), cursor: Cursor, limit: Limit },
  strict,
);
const Any = Type.Object({}, { additionalProperties: true });

export function productRoutes(app: FastifyInstance, dependencies: RouteDependencies<PriceSettings>): void {
  const { pool, outbound } = dependencies;

  app.put<{ Params: Static<typeof Params>; Body: ProductBody }>(
    '/v1/price/products/:id',
    {
      schema: {
        operationId: 'putProduct',
        tags: TAGS,
        summary: 'Create or change a product',
        params: Params,
        querystring: NoQuery,
        body: ProductBody,
        response: { 200: ProductAnswer, 201: ProductAnswer, ...problems(400) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { shop, url, title, currency, popularity, activeDeal, price } = request.body;
      if (Buffer.byteLength(id) > 200) throw invalid('/id', 'must have at most 200 bytes');
      const refused = outbound.refuse(url);
      if (refused !== undefined) throw invalid('/url', refused);
      if (price !== undefined && isZero(price)) throw invalid('/price', 'must be above 0');
      if ((await readShops(pool, { ids: [shop] })).length === 0)
        throw problem(400, 'unknown_shop', `there is no shop ${shop}`, { path: '/shop' });
      const row = { id, shop, url, title, currency, popularity, activeDeal, price };
      const created = await audited(pool, actorOf(request), async (client, audit) => {
        const [before] = await readProducts(client, { ids: [id] });
        const written = await putProducts(client, [row], { replace: true });
        await audit({ action: 'product.put', target: id, before: before && present(before), after: row });
        return written;
      });
      return reply.code(created.get(id) ? 201 : 200).send(await one(id));
    },
  );

  app.get<{ Params: Static<typeof Params> }>(
    '/v1/price/products/:id',
    {
      schema: {
        operationId: 'getProduct',
        tags: TAGS,
        summary: 'A product with its price, priority and next check',
        params: Params,
        querystring: NoQuery,
        response: { 200: ProductAnswer, ...problems(404) },
      },
    },
    async (request) => one(request.params.id),
  );

  app.delete<{ Params: Static<typeof Params> }>(
    '/v1/price/products/:id',
    {
      schema: {
        operationId: 'deleteProduct',
        tags: TAGS,
        summary: 'Delete a product with its history',
        params: Params,
        querystring: NoQuery,
        response: { 204: Type.Null(), ...problems(404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(pool, actorOf(request), async (client, audit) => {
        const [before] = await readProducts(client, { ids: [id] });
        if (!(await deleteProduct(client, id))) throw notFound(`product ${id}`);
        await audit({ action: 'product.delete', target: id, before: before && present(before) });
      });
      return reply.code(204).send();
    },
  );

  async function one(id: string): Promise<Static<typeof ProductAnswer>> {
    const [row] = await readProducts(pool, { ids: [id] });
    if (!row) throw notFound(`product ${id}`);
    return present(row);
  }

  listRoute(app, dependencies);
  pastRoutes(app, dependencies);
}

function listRoute(app: FastifyInstance, { pool }: RouteDependencies<PriceSettings>): void {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/v1/price/products',
    {
      schema: {
        operationId: 'listProducts',
        tags: TAGS,
        summary: 'Products by shop, tier, and whether they are due',
        querystring: ListQuery,
        response: {
          200: Type.Object({ products: Type.Array(ProductAnswer), nextCursor: NextCursor }),
          ...problems(400),
        },
      },
    },
    async ({ query }) => {
      const { shop, tier, due, cursor, limit = LIMIT_DEFAULT } = query;
      const found = await readProducts(pool, {
        shop,
        tier,
        due: flag(due),
        after: cursorKey(cursor),
        limit: limit + 1,
      });
      const { rows, nextCursor } = page(found, limit, ({ id }) => id);
      return { products: rows.map(present), nextCursor };
    },
  );
}

function pastRoutes(app: FastifyInstance, { pool }: RouteDependencies<PriceSettings>): void {
  app.get<{ Params: Static<typeof Params>; Querystring: Static<typeof HistoryQuery> }>(
    '/v1/price/products/:id/history',
    {
      schema: {
        operationId: 'getPriceHistory',
        tags: TAGS,
        summary: "A product's prices, newest first; one entry for each change",
        params: Params,
        querystring: HistoryQuery,
        response: { 200: Type.Object({ history: Type.Array(Any), nextCursor: NextCursor }), ...problems(400, 404) },
      },
    },
    async ({ params: { id }, query: { cursor, limit = LIMIT_DEFAULT } }) => {
      const found = await readHistory(pool, { product: id, before: cursorKey(cursor, isNumber), limit: limit + 1 });
      if (found.length === 0 && (await readProducts(pool, { ids: [id] })).length === 0) throw notFound(`product ${id}`);
      const { rows, nextCursor } = page(found, limit, (row) => row.cursor);
      return {
        history: rows.map(({ at, price, currency }) => ({ at: at.toISOString(), price, currency })),
        nextCursor,
      };
    },
  );

  app.get<{ Querystring: Static<typeof DealsQuery> }>(
    '/v1/price/deals',
    {
      schema: {
        operationId: 'listDeals',
        tags: TAGS,
        summary: 'Deals, newest first',
        querystring: DealsQuery,
        response: { 200: Type.Object({ deals: Type.Array(Any), nextCursor: NextCursor }), ...problems(400) },
      },
    },
    async ({ query: { shop, active, cursor, limit = LIMIT_DEFAULT } }) => {
      const before = cursorKey(cursor, isNumber);
      const found = await listDeals(pool, { shop, active: flag(active), before, limit: limit + 1 });
      const { rows, nextCursor } = page(found, limit, ({ id }) => id);
      const deals = rows.map((row) => ({
        ...row,
        foundAt: row.foundAt.toISOString(),
        endedAt: row.endedAt?.toISOString() ?? null,
      }));
      return { deals, nextCursor };
    },
  );
}

function flag(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text !== 'false';
}

function invalid(path: string, detail: string) {
  return problem(400, 'invalid_field', detail, { path });
}

function present(row: StoredProduct): Static<typeof ProductAnswer> {
  return {
    id: row.id,
    shop: row.shop,
    url: row.url,
    title: row.title,
    price: row.price,
    currency: row.priceCurrency ?? row.currency,
    popularity: row.popularity,
    activeDeal: row.activeDeal,
    priority: priorityOf(row.parts),
    priorityParts: row.parts,
    tier: row.tier as Static<typeof Tier>,
    nextCheckAt: row.nextCheckAt.toISOString(),
    lastCheckedAt: row.lastCheckedAt?.toISOString() ?? null,
    ...(row.errorCode !== null && { lastError: { code: row.errorCode, detail: row.errorDetail ?? '' } }),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}
