// Shops over HTTP. Their rate and places in flight are the flow ('price', shop), which all workers obey within two seconds.

import { is } from 'css-select';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../../core/access/principal.ts';
import { audited } from '../../../core/audit.ts';
import { milliseconds } from '../../../core/duration.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { getFlow, putFlow } from '../../../core/flows/index.ts';
import { notFound, problem, problems } from '../../../core/http/problem.ts';
import type { PriceAdapters } from '../checking/adapters.ts';
import { FLOW_TYPE } from '../checking/shop-gates.ts';
import { Id, ShopAnswer, ShopBody } from '../messages.ts';
import type { PriceSettings } from '../settings.ts';
import { putShop, readShops, type Shop, type ShopRow } from '../store/shops.ts';
import { Cursor, cursorKey, LIMIT_DEFAULT, Limit, NextCursor, NoQuery, page, TAGS } from './paging.ts';

const TIMEOUT_MS_MAX = 60_000;
const RATE_DEFAULT = 100;
const IN_FLIGHT_DEFAULT = 10;

const Params = Type.Object({ id: Id });
const Query = Type.Object({ cursor: Cursor, limit: Limit }, { additionalProperties: false });

export function shopRoutes(
  app: FastifyInstance,
  { pool }: RouteDependencies<PriceSettings>,
  adapters: PriceAdapters,
): void {
  app.put<{ Params: Static<typeof Params>; Body: ShopBody }>(
    '/v1/price/shops/:id',
    {
      schema: {
        operationId: 'putShop',
        tags: TAGS,
        summary: 'Create or change a shop',
        params: Params,
        querystring: NoQuery,
        body: ShopBody,
        response: { 200: ShopAnswer, 201: ShopAnswer, ...problems(400) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const shop = shopOf(id, request.body);
      const isModule = shop.adapter === 'module';
      if (isModule && !adapters.has(shop.settings.module ?? ''))
        throw invalid('/settings/module', 'must name an adapter of TEM_PRICE_ADAPTERS');
      const created = await audited(pool, actorOf(request), async (client, audit) => {
        const [before] = await readShops(client, { ids: [id] });
        const isNew = await putShop(client, shop);
        const flow = await getFlow(client, FLOW_TYPE, id);
        await putFlow(client, {
          type: FLOW_TYPE,
          group: id,
          paused: flow?.paused ?? false,
          maxInFlight: shop.maxInFlight,
          rate: { limit: shop.ratePerMinute, per: 'minute' },
        });
        await audit({ action: 'shop.put', target: id, before: before && present(before), after: shop });
        return isNew;
      });
      return reply.code(created ? 201 : 200).send(await one(id));
    },
  );

  app.get<{ Params: Static<typeof Params> }>(
    '/v1/price/shops/:id',
    {
      schema: {
        operationId: 'getShop',
        tags: TAGS,
        summary: 'A shop, with its breaker and present rate',
        params: Params,
        querystring: NoQuery,
        response: { 200: ShopAnswer, ...problems(404) },
      },
    },
    async (request) => one(request.params.id),
  );

  app.get<{ Querystring: Static<typeof Query> }>(
    '/v1/price/shops',
    {
      schema: {
        operationId: 'listShops',
        tags: TAGS,
        summary: 'All shops',
        querystring: Query,
        response: { 200: Type.Object({ shops: Type.Array(ShopAnswer), nextCursor: NextCursor }), ...problems(400) },
      },
    },
    async ({ query }) => {
      const { limit = LIMIT_DEFAULT } = query;
      const { rows, nextCursor } = page(
        await readShops(pool, { after: cursorKey(query.cursor), limit: limit + 1 }),
        limit,
        ({ id }) => id,
      );
      return { shops: rows.map(present), nextCursor };
    },
  );

  async function one(id: string): Promise<Static<typeof ShopAnswer>> {
    const [row] = await readShops(pool, { ids: [id] });
    if (!row) throw notFound(`shop ${id}`);
    return present(row);
  }
}

function shopOf(id: string, body: ShopBody): Shop {
  if (Buffer.byteLength(id) > 200) throw invalid('/id', 'must have at most 200 bytes');
  const { adapter, settings = {}, locale } = body;
  const timeoutMs = milliseconds(body.timeout ?? '10s');
  if (timeoutMs < 1 || timeoutMs > TIMEOUT_MS_MAX) throw invalid('/timeout', 'must be from 1ms to 60s');
  if (locale !== undefined && !isLocale(locale)) throw invalid('/locale', 'must be a locale such as tr, de or en');
  const takes = { json: ['price', 'currency', 'title'], html: ['selector'], module: ['module'] }[adapter] ?? [];
  for (const name of Object.keys(settings))
    if (!takes.includes(name)) throw invalid(`/settings/${name}`, `is not for the adapter ${adapter}`, 'unknown_field');
  if (adapter === 'json') checkPointers(settings);
  if (settings.selector !== undefined && !isSelector(settings.selector))
    throw invalid('/settings/selector', 'must be a CSS selector');
  return {
    id,
    name: body.name,
    adapter: adapter as Shop['adapter'],
    ratePerMinute: body.ratePerMinute ?? RATE_DEFAULT,
    maxInFlight: body.maxInFlight ?? IN_FLIGHT_DEFAULT,
    timeoutMs,
    settings: settings as Record<string, string>,
    locale: locale?.replaceAll('_', '-') ?? null,
    robots: body.robots ?? true,
  };
}

function checkPointers(settings: Record<string, string | undefined>): void {
  if (settings.price === undefined) throw invalid('/settings/price', 'is missing', 'missing_field');
  for (const name of ['price', 'currency', 'title'])
    if (settings[name] !== undefined && !/^(\/([^~/]|~[01])*)*$/.test(settings[name]))
      throw invalid(`/settings/${name}`, 'must be a JSON pointer such as /data/price');
}

function isLocale(locale: string): boolean {
  try {
    return new Intl.Locale(locale.replaceAll('_', '-')).language !== undefined;
  } catch {
    return false;
  }
}

function isSelector(selector: string): boolean {
  try {
    is(undefined as never, selector);
    return true;
  } catch (error) {
    return !(error instanceof SyntaxError) && !/unmatched|expected|unknown|invalid/i.test((error as Error).message);
  }
}

function invalid(path: string, detail: string, code = 'invalid_field') {
  return problem(400, code, detail, { path });
}

function present(row: ShopRow): Static<typeof ShopAnswer> {
  const { id, name, adapter, ratePerMinute, maxInFlight, timeoutMs, settings, locale, robots } = row;
  return {
    id,
    name,
    adapter,
    ratePerMinute,
    maxInFlight,
    timeout: timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000}s` : `${timeoutMs}ms`,
    settings,
    locale,
    robots,
    breaker: {
      state: row.openUntil === null ? 'closed' : 'open',
      openUntil: row.openUntil?.toISOString() ?? null,
      reason: row.reason,
    },
    presentRate: row.perMinute,
  };
}
