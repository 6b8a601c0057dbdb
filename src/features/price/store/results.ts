// What checks found, written in sets: the product, its history where the price has changed, the figures of its sweep and
// of the minute. A check that began before another one was written changes nothing (column `checks`), so that no history
// row is written twice, whoever died in between.

import type { ErrorCode } from '../rules/found.ts';
import type { Database } from './database.ts';
import { nextCheckSql } from './priority-sql.ts';

export interface CheckResult {
  product: string;
  /** The product's `checks` when it was read. */
  checks: string;
  /** Undefined for a failure, and for a page that says that nothing has changed. */
  price?: string | undefined;
  currency?: string | undefined;
  title?: string | undefined;
  etag?: string | undefined;
  error?: { code: ErrorCode; detail: string } | undefined;
  durationMs: number;
  sweep?: string | undefined;
}

export interface Change {
  product: string;
  shop: string;
  at: Date;
  from: string | null;
  to: string;
  currency: string | null;
  fromCurrency: string | null;
  foundDeal: boolean;
}

const DETAIL_LENGTH_MAX = 500;

// One statement: its rows are locked in the order of their ids, as every statement over several rows is. Nothing joins what
// was locked with itself: the planner takes it for a row or two and would compare each with all others.
const WRITE = `
  with given as (
    select * from unnest($1::text[], $2::bigint[], $3::numeric[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::int[], $10::uuid[]) as g(id, checks, price, currency, title, etag, error_code, error_detail, duration_ms, sweep)
  ), locked as materialized (
    select g.*, p.shop, p.price as old_price, p.price_currency as old_currency, p.found_deal,
      coalesce(g.currency, p.currency, p.price_currency) as new_currency,
      g.price is not null and (p.price is distinct from g.price
        or coalesce(g.currency, p.currency, p.price_currency) is distinct from p.price_currency) as is_change,
      t.every, coalesce(w.as_of, clock_timestamp()) as base, clock_timestamp() as at
    from given g join tem.price_product p on p.id = g.id and p.checks = g.checks
      join tem.price_tier t on t.position = p.tier left join tem.price_sweep w on w.id = g.sweep
    order by p.id for no key update of p
  ), updated as (
    update tem.price_product p set
      price = coalesce(l.price, p.price),
      price_currency = case when l.price is null then p.price_currency else l.new_currency end,
      title = coalesce(p.title, l.title),
      etag = case when l.error_code is not null then null when l.price is null then p.etag else l.etag end,
      error_code = l.error_code, error_detail = l.error_detail,
      last_checked_at = l.at, checks = p.checks + 1,
      next_check_at = greatest(l.at, ${nextCheckSql('l.base', 'l.every')})
    from locked l where p.id = l.id
    returning p.id
  ), history as (
    insert into tem.price_history (product, at, price, currency)
      select id, at, price, new_currency from locked where is_change
  ), swept as (
    update tem.price_sweep w set checked = w.checked + n.checked, failed = w.failed + n.failed, changed = w.changed + n.changed
      from (select sweep, count(*) as checked, count(error_code) as failed, count(*) filter (where is_change) as changed
        from locked where sweep is not null group by sweep) n
      where w.id = n.sweep
  ), counted as (
    insert into tem.price_minute as m (minute, shop, checks, failures, duration_ms)
      select date_trunc('minute', now()), shop, count(*), count(error_code), sum(duration_ms) from locked group by shop order by shop
      on conflict (minute, shop) do update set checks = m.checks + excluded.checks, failures = m.failures + excluded.failures,
        duration_ms = m.duration_ms + excluded.duration_ms
  )
  select id as product, shop, at, old_price::text as "from", price::text as "to", new_currency as currency,
    old_currency as "fromCurrency", found_deal as "foundDeal"
  from locked where is_change order by id`;

/** Writes results, one for each product at most; resolves to what has changed. */
export async function writeResults(database: Database, results: readonly CheckResult[]): Promise<Change[]> {
  const { rows } = await database.query<Change>(WRITE, [
    results.map((each) => each.product),
    results.map((each) => each.checks),
    results.map((each) => each.price ?? null),
    results.map((each) => each.currency ?? null),
    results.map((each) => each.title ?? null),
    results.map((each) => each.etag ?? null),
    results.map((each) => each.error?.code ?? null),
    results.map((each) => (each.error ? storable(each.error.detail) : null)),
    results.map((each) => Math.round(each.durationMs)),
    results.map((each) => each.sweep ?? null),
  ]);
  return rows;
}

/** Pages may hold what Postgres doesn't. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed().slice(0, DETAIL_LENGTH_MAX);
}
