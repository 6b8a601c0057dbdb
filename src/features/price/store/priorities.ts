// Priorities in sets: the volatility of 30 days, the points, the tier, and when the product is due because of it.

import type { Pool } from 'pg';
import { VOLATILITY_PER_VARIATION } from '../rules/priority.ts';
import type { Database } from './database.ts';
import { scoredSql } from './priority-sql.ts';

const RANK = `
  with wanted as materialized (
    select p.* from tem.price_product p where p.id = any($1::text[]) order by p.id for no key update
  ), volatile as (
    select w.id, coalesce(h.score, 0) as score from wanted w left join lateral (
      select round(least(100, coalesce(stddev_pop(price) / nullif(avg(price), 0), 0) * ${VOLATILITY_PER_VARIATION}), 4) as score
      from (
        select price from tem.price_history where product = w.id and at >= now() - interval '30 days'
        union all
        -- The price that was in force when the 30 days began.
        (select price from tem.price_history where product = w.id and at < now() - interval '30 days' order by at desc limit 1)
      ) h
    ) h on true
  )
  update tem.price_product p set volatility = v.score, deal_points = s.deal_points, volatility_points = s.volatility_points,
    popularity_points = s.popularity_points, recency_points = s.recency_points, tier = s.tier,
    next_check_at = case when s.tier = p.tier then p.next_check_at
      else greatest(clock_timestamp(), coalesce(p.last_checked_at + s.every, p.next_check_at)) end
  from wanted w join volatile v on v.id = w.id cross join tem.price_formula f cross join ${scoredSql({
    activeDeal: 'w.active_deal or w.found_deal',
    volatility: 'v.score',
    popularity: 'w.popularity',
    lastCheckedAt: 'w.last_checked_at',
  })}
  where p.id = w.id and (v.score, s.deal_points, s.volatility_points, s.popularity_points, s.recency_points, s.tier)
    is distinct from (p.volatility, p.deal_points, p.volatility_points, p.popularity_points, p.recency_points, p.tier)`;

/** Computes anew; resolves to how many have changed. */
export async function rankProducts(database: Database, ids: readonly string[]): Promise<number> {
  const { rowCount } = await database.query(RANK, [ids]);
  return rowCount ?? 0;
}

/** The next ids after `after`, for a walk over all products. */
export async function idsAfter(pool: Pool, after: string, limit: number): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    'select id from tem.price_product where id > $1 order by id limit $2',
    [after, limit],
  );
  return rows.map(({ id }) => id);
}
