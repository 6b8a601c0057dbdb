// Priorities in sets: the volatility of 30 days, the points, the tier, and when the product is due because of it.

import type { Pool, QueryResult } from 'pg';
import { VOLATILITY_PER_VARIATION } from '../rules/priority.ts';
import type { Database } from './database.ts';
import { FORMULA, scoredSql } from './priority-sql.ts';

/** Products of one statement: their rows are locked for less than 200 ms. */
const SLICE_PRODUCTS = 500;

// The prices of the last 30 days and the one that was in force when they began. That one is asked for by product and time
// together, so that it is never looked for along the times of all products.
const rankSql = (which: string): string => `
  with wanted as materialized (
    select p.* from tem.price_product p where ${which} for no key update
  ), ranked as (
    update tem.price_product p set volatility = v.score, deal_points = s.deal_points, volatility_points = s.volatility_points,
      popularity_points = s.popularity_points, recency_points = s.recency_points, tier = s.tier,
      next_check_at = case when s.tier = p.tier then p.next_check_at
        else greatest(clock_timestamp(), coalesce(p.last_checked_at + s.every, p.next_check_at)) end
    from ${FORMULA} cross join wanted w cross join lateral (
      select round(least(100, coalesce(stddev_pop(price) / nullif(avg(price), 0), 0) * ${VOLATILITY_PER_VARIATION})::numeric, 4)
        as score
      from (
        select price::float8 as price from tem.price_history where product = w.id and at >= now() - interval '30 days'
        union all
        (select price::float8 from tem.price_history
          where product >= w.id and (product, at) < (w.id, now() - interval '30 days')
          order by product desc, at desc limit 1)
      ) h
    ) v cross join ${scoredSql({
      activeDeal: 'w.active_deal or w.found_deal',
      volatility: 'v.score',
      popularity: 'w.popularity',
      lastCheckedAt: 'w.last_checked_at',
    })}
    where p.id = w.id and (v.score, s.deal_points, s.volatility_points, s.popularity_points, s.recency_points, s.tier)
      is distinct from (p.volatility, p.deal_points, p.volatility_points, p.popularity_points, p.recency_points, p.tier)
    returning p.id
  )
  select (select count(*)::int from wanted) as products, (select count(*)::int from ranked) as changed,
    (select max(id) from wanted) as last`;

const RANK_THESE = rankSql('p.id = any($1::text[]) order by p.id');
export const RANK_NEXT = rankSql(`p.id > $1 order by p.id limit ${SLICE_PRODUCTS}`);

export interface Ranked {
  products: number;
  changed: number;
}

type Slice = Ranked & { last: string | null };

/** Computes anew; resolves to how many have changed. */
export async function rankProducts(database: Database, ids: readonly string[]): Promise<number> {
  const { rows } = await database.query<Ranked>(RANK_THESE, [ids]);
  return rows[0]?.changed ?? 0;
}

/** Computes all products anew, in the order of their ids, and says after each statement what it has done. */
export async function* rankAll(pool: Pool): AsyncGenerator<Ranked> {
  let after: string | null = '';
  while (after !== null) {
    const { rows }: QueryResult<Slice> = await pool.query<Slice>({
      name: 'price-rank-next',
      text: RANK_NEXT,
      values: [after],
    });
    const row: Slice | undefined = rows[0];
    after = row?.last ?? null;
    if (row && row.products > 0) yield { products: row.products, changed: row.changed };
  }
}
