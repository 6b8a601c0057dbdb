// Products: upserts in sets, with the priority of each, and reads.

import type { ProductRow } from '../rules/import/row.ts';
import type { PriorityParts } from '../rules/priority.ts';
import type { Database } from './database.ts';
import { FORMULA, scoredSql } from './priority-sql.ts';

export interface StoredProduct {
  id: string;
  shop: string;
  url: string;
  title: string | null;
  currency: string | null;
  price: string | null;
  priceCurrency: string | null;
  popularity: number;
  activeDeal: boolean;
  tier: string;
  parts: PriorityParts;
  nextCheckAt: Date;
  lastCheckedAt: Date | null;
  errorCode: string | null;
  errorDetail: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What a check needs to know of its product. */
export interface Checkable {
  id: string;
  shop: string;
  url: string;
  currency: string | null;
  price: string | null;
  priceCurrency: string | null;
  etag: string | null;
  checks: string;
}

const CHECKABLE = `p.id, p.shop, p.url, p.currency, p.price::text, p.price_currency as "priceCurrency", p.etag, p.checks::text`;

// What is due, where it is looked for and what is known of it belong to the address: another address is another thing.
const UPSERT = `
  with given as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::bool[], $8::numeric[])
      as g(id, shop, url, title, currency, popularity, active_deal, price)
  ), merged as (
    select g.id, g.shop, g.url, o.id is null as is_new,
      case when $9 then g.title else coalesce(g.title, o.title) end as title,
      case when $9 then g.currency else coalesce(g.currency, o.currency) end as currency,
      coalesce(g.popularity, case when not $9 then o.popularity end, 0) as popularity,
      coalesce(g.active_deal, case when not $9 then o.active_deal end, false) as active_deal,
      coalesce(o.found_deal, false) as found_deal, coalesce(o.volatility, 0) as volatility,
      g.price, o.price as old_price, o.last_checked_at
    from given g left join lateral (
      -- Each by its id: a join of sets reads the whole table while that is not yet large.
      select * from tem.price_product where id = g.id limit 1
    ) o on true
  ), upserted as (
    insert into tem.price_product as p (id, shop, url, title, currency, popularity, active_deal, price, price_currency,
      deal_points, volatility_points, popularity_points, recency_points, tier)
    select m.id, m.shop, m.url, m.title, m.currency, m.popularity, m.active_deal, m.price,
      case when m.price is not null then m.currency end,
      s.deal_points, s.volatility_points, s.popularity_points, s.recency_points, s.tier
    from merged m cross join ${FORMULA} cross join ${scoredSql({
      activeDeal: 'm.active_deal or m.found_deal',
      volatility: 'm.volatility',
      popularity: 'm.popularity',
      lastCheckedAt: 'm.last_checked_at',
    })}
    order by m.id
    on conflict (id) do update set shop = excluded.shop, url = excluded.url, title = excluded.title,
      currency = excluded.currency, popularity = excluded.popularity, active_deal = excluded.active_deal,
      price = coalesce(excluded.price, p.price), price_currency = coalesce(excluded.price_currency, p.price_currency),
      deal_points = excluded.deal_points, volatility_points = excluded.volatility_points,
      popularity_points = excluded.popularity_points, recency_points = excluded.recency_points, tier = excluded.tier,
      checks = p.checks + 1, updated_at = clock_timestamp(),
      etag = case when (p.url, p.shop) = (excluded.url, excluded.shop) then p.etag end,
      error_code = case when (p.url, p.shop) = (excluded.url, excluded.shop) then p.error_code end,
      error_detail = case when (p.url, p.shop) = (excluded.url, excluded.shop) then p.error_detail end,
      next_check_at = case when (p.url, p.shop) <> (excluded.url, excluded.shop) then clock_timestamp()
        when excluded.tier < p.tier then least(p.next_check_at, greatest(clock_timestamp(),
          coalesce(p.last_checked_at, clock_timestamp()) + (select t.every from tem.price_tier t where t.position = excluded.tier)))
        else p.next_check_at end
    returning p.id, xmax = 0 as created
  ), history as (
    insert into tem.price_history (product, at, price, currency)
      select m.id, clock_timestamp(), m.price, m.currency from merged m
      where m.price is not null and m.price is distinct from m.old_price
  )
  select id, created from upserted`;

/**
 * Creates or changes products, each id once; resolves to whether each was created. `replace`: what isn't given is unset,
 * else it stays as it is.
 */
export async function putProducts(
  database: Database,
  products: readonly ProductRow[],
  { replace }: { replace: boolean },
): Promise<Map<string, boolean>> {
  const { rows } = await database.query<{ id: string; created: boolean }>(UPSERT, [
    products.map(({ id }) => id),
    products.map(({ shop }) => shop),
    products.map(({ url }) => url),
    products.map(({ title }) => title ?? null),
    products.map(({ currency }) => currency ?? null),
    products.map(({ popularity }) => popularity ?? null),
    products.map(({ activeDeal }) => activeDeal ?? null),
    products.map(({ price }) => price ?? null),
    replace,
  ]);
  return new Map(rows.map(({ id, created }) => [id, created]));
}

export async function deleteProduct(database: Database, id: string): Promise<boolean> {
  const { rowCount } = await database.query('delete from tem.price_product where id = $1', [id]);
  return rowCount === 1;
}

export interface ProductFilter {
  ids?: readonly string[];
  shop?: string | undefined;
  tier?: string | undefined;
  due?: boolean | undefined;
  after?: string | undefined;
  limit?: number;
}

const STORED = `p.id, p.shop, p.url, p.title, p.currency, p.price::text, p.price_currency as "priceCurrency",
  p.popularity::float8 as popularity, p.active_deal or p.found_deal as "activeDeal", t.tier,
  json_build_object('activeDeal', p.deal_points, 'volatility', p.volatility_points,
    'popularity', p.popularity_points, 'recency', p.recency_points) as parts,
  p.next_check_at as "nextCheckAt", p.last_checked_at as "lastCheckedAt", p.error_code as "errorCode",
  p.error_detail as "errorDetail", p.created_at as "createdAt", p.updated_at as "updatedAt"`;

/** In the order of their ids, after `after`. */
export async function readProducts(database: Database, filter: ProductFilter): Promise<StoredProduct[]> {
  const { rows } = await database.query<StoredProduct>(
    `select ${STORED} from tem.price_product p join tem.price_tier t on t.position = p.tier
     where ($1::text[] is null or p.id = any($1)) and ($2::text is null or p.shop = $2) and ($3::text is null or t.tier = $3)
       and ($4::bool is null or (p.next_check_at <= clock_timestamp()) = $4) and ($5::text is null or p.id > $5)
     order by p.id limit $6`,
    [
      filter.ids ?? null,
      filter.shop ?? null,
      filter.tier ?? null,
      filter.due ?? null,
      filter.after ?? null,
      filter.limit ?? null,
    ],
  );
  return rows;
}

/** Those of the ids that exist, as a check needs them; with `since`, only those that weren't checked since then. */
export async function readCheckables(database: Database, ids: readonly string[], since?: Date): Promise<Checkable[]> {
  const { rows } = await database.query<Checkable>(
    `select ${CHECKABLE} from tem.price_product p where p.id = any($1::text[])
       and ($2::timestamptz is null or p.last_checked_at is null or p.last_checked_at < $2)`,
    [ids, since ?? null],
  );
  return rows;
}

/** What of a shop is due in these tiers, the most urgent tier first; those checked since `asOf` have left it. */
export async function readDue(
  database: Database,
  { shop, tiers, asOf, limit }: { shop: string; tiers: readonly number[]; asOf: string; limit: number },
): Promise<Checkable[]> {
  const { rows } = await database.query<Checkable>(DUE, [tiers, shop, asOf, limit]);
  return rows;
}

export const DUE = `
  select ${CHECKABLE} from unnest($1::smallint[]) with ordinality as w(tier, n) cross join lateral (
    select p.* from tem.price_product p where p.tier = w.tier and p.shop = $2 and p.next_check_at <= $3::timestamptz
      order by p.next_check_at, p.id limit $4
  ) p order by w.n, p.next_check_at, p.id limit $4`;

/** A person's product with what is known of its failure, outside of a handler's transaction. */
export async function noteFailure(
  database: Database,
  product: { id: string; checks: string },
  error: { code: string; detail: string },
): Promise<void> {
  await database.query(
    `update tem.price_product p set error_code = $3, error_detail = $4, etag = null, last_checked_at = clock_timestamp()
     where id = $1 and checks = $2`,
    [product.id, product.checks, error.code, error.detail.replaceAll('\0', '').toWellFormed().slice(0, 500)],
  );
}

export async function readHistory(
  database: Database,
  { product, before, limit }: { product: string; before?: string | undefined; limit: number },
): Promise<{ at: Date; price: string; currency: string | null; cursor: string }[]> {
  const { rows } = await database.query<{ at: Date; price: string; currency: string | null; cursor: string }>(
    `select at, price::text, currency, (extract(epoch from at) * 1000000)::bigint::text as cursor from tem.price_history
     where product = $1 and ($2::bigint is null or at < 'epoch'::timestamptz + $2 * interval '1 microsecond')
     order by at desc limit $3`,
    [product, before ?? null, limit],
  );
  return rows;
}

/** Products that nobody has looked at yet. */
export async function neverChecked(database: Database, limit: number): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    'select id from tem.price_product where last_checked_at is null and error_code is null order by id limit $1',
    [limit],
  );
  return rows.map(({ id }) => id);
}
