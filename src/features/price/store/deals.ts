// Deals: found in the transaction that writes the price, by rules that are rows. A price that has been a deal within 30
// days makes another one only when it has fallen well below that; nothing is compared with a failed or missing price.

import type { Database } from './database.ts';
import { FORMULA, scoredSql } from './priority-sql.ts';
import type { Change } from './results.ts';

const WINDOW = "interval '30 days'";
/** By so much a price must be lower than that of the last deal, to be another one. */
const FURTHER_PART = 0.95;

// The median is weighted by how long each price was in force within the window.
const FIND = `
  with fallen as (
    select * from unnest($1::text[], $2::timestamptz[], $3::numeric[], $4::text[]) as c(product, at, price, currency)
  ), earlier as (
    select c.product, h.price, h.at >= c.at - ${WINDOW} or h.is_first as in_window,
      extract(epoch from coalesce(lead(h.at) over (partition by c.product order by h.at), c.at)
        - greatest(h.at, c.at - ${WINDOW})) as seconds
    from fallen c cross join lateral (
      select h.price, h.at, h.at = max(h.at) filter (where h.at < c.at - ${WINDOW}) over () as is_first
      from tem.price_history h where h.product = c.product and h.at < c.at and h.currency is not distinct from c.currency
    ) h
  ), weighed as (
    select *, sum(seconds) over (partition by product order by price) as until, sum(seconds) over (partition by product) as total
    from earlier where in_window
  ), reference as (
    select c.product, (select min(w.price) from weighed w where w.product = c.product and w.until >= w.total / 2) as median,
      (select min(e.price) from earlier e where e.product = c.product) as lowest
    from fallen c
  ), found as (
    select distinct on (c.product) c.product, r.id as rule, c.price, c.currency, n.reference,
      round((1 - c.price / n.reference) * 100, 4) as percent
    from fallen c join reference f on f.product = c.product
      cross join tem.price_deal_rule r
      cross join lateral (select case r.kind when 'below_median' then f.median else f.lowest end as reference) n
    where r.enabled and n.reference > 0 and c.price <= n.reference * (1 - r.percent / 100)
      and not exists (select from tem.price_deal d where d.product = c.product and d.found_at > c.at - ${WINDOW}
        and d.currency is not distinct from c.currency and c.price > d.price * ${FURTHER_PART})
    order by c.product, percent desc
  )
  insert into tem.price_deal (product, rule, price, currency, reference_price, percent)
    select product, rule, price, currency, reference, percent from found order by product returning product`;

const END = `
  with risen as (select * from unnest($1::text[], $2::numeric[]) as c(product, price))
  update tem.price_deal d set ended_at = clock_timestamp() from risen r
    where d.product = r.product and d.ended_at is null and r.price > d.price`;

// Whether a product has a deal of its own counts for its priority at once.
const RANK = `
  with wanted as (
    select p.id, exists (select from tem.price_deal d where d.product = p.id and d.ended_at is null) as found
    from tem.price_product p where p.id = any($1::text[]) order by p.id for no key update of p
  )
  update tem.price_product p set found_deal = w.found, deal_points = s.deal_points, tier = s.tier,
    next_check_at = least(p.next_check_at, greatest(clock_timestamp(), p.last_checked_at + s.every))
  from wanted w join tem.price_product o on o.id = w.id cross join ${FORMULA} cross join ${scoredSql({
    activeDeal: 'o.active_deal or w.found',
    volatility: 'o.volatility',
    popularity: 'o.popularity',
    lastCheckedAt: 'o.last_checked_at',
  })}
  where p.id = w.id`;

/** Finds and ends deals among changes that were just written. */
export async function findDeals(database: Database, changes: readonly Change[]): Promise<void> {
  const compared = changes.filter(({ from, currency, fromCurrency }) => from !== null && currency === fromCurrency);
  const fallen = compared.filter(({ from, to }) => Number(to) < Number(from));
  const ended = compared.filter(({ from, to, foundDeal }) => foundDeal && Number(to) > Number(from));
  const touched: string[] = ended.map(({ product }) => product);
  if (ended.length > 0) await database.query(END, [ended.map(({ product }) => product), ended.map(({ to }) => to)]);
  if (fallen.length > 0) {
    const { rows } = await database.query<{ product: string }>(FIND, [
      fallen.map(({ product }) => product),
      fallen.map(({ at }) => at),
      fallen.map(({ to }) => to),
      fallen.map(({ currency }) => currency),
    ]);
    touched.push(...rows.map(({ product }) => product));
  }
  if (touched.length > 0) await database.query(RANK, [touched]);
}

export interface DealRow {
  id: string;
  product: string;
  shop: string;
  title: string | null;
  url: string;
  rule: string;
  price: string;
  referencePrice: string;
  percent: number;
  currency: string | null;
  foundAt: Date;
  endedAt: Date | null;
}

export const DEAL_COLUMNS = `d.id::text, d.product, p.shop, p.title, p.url, d.rule, d.price::text, d.reference_price::text as "referencePrice",
  d.percent::float8 as percent, d.currency, d.found_at as "foundAt", d.ended_at as "endedAt"`;

/** Newest first, below the id `before`. */
export async function listDeals(
  database: Database,
  {
    shop,
    active,
    before,
    limit,
  }: { shop?: string | undefined; active?: boolean | undefined; before?: string | undefined; limit: number },
): Promise<DealRow[]> {
  const { rows } = await database.query<DealRow>(
    `select ${DEAL_COLUMNS} from tem.price_deal d join tem.price_product p on p.id = d.product
     where ($1::bigint is null or d.id < $1) and ($2::text is null or p.shop = $2)
       and ($3::bool is null or (d.ended_at is null) = $3)
     order by d.id desc limit $4`,
    [before ?? null, shop ?? null, active ?? null, limit],
  );
  return rows;
}
