// The formula's weights and the tiers, and what others would do: products of each tier and checks an hour.

import type { Tier, Weights } from '../rules/priority.ts';
import type { Database } from './database.ts';

export interface Formula {
  weights: Weights;
  tiers: Tier[];
}

export async function readFormula(database: Database): Promise<Formula> {
  const { rows } = await database.query<Formula>(
    `select json_build_object('activeDeal', f.active_deal, 'volatility', f.volatility, 'popularity', f.popularity,
         'recency', f.recency) as weights,
       (select json_agg(json_build_object('tier', t.tier, 'minPriority', t.min_priority,
         'everyMs', (extract(epoch from t.every) * 1000)::bigint) order by t.position) from tem.price_tier t) as tiers
     from tem.price_formula f`,
  );
  return rows[0] as Formula;
}

export async function writeFormula(database: Database, { weights, tiers }: Formula): Promise<void> {
  await database.query(
    'update tem.price_formula set active_deal = $1, volatility = $2, popularity = $3, recency = $4, updated_at = clock_timestamp()',
    [weights.activeDeal, weights.volatility, weights.popularity, weights.recency],
  );
  await database.query(
    `update tem.price_tier t set min_priority = g.min_priority, every = g.every_ms * interval '1 ms'
     from unnest($1::text[], $2::numeric[], $3::float8[]) as g(tier, min_priority, every_ms) where t.tier = g.tier`,
    [tiers.map(({ tier }) => tier), tiers.map(({ minPriority }) => minPriority), tiers.map(({ everyMs }) => everyMs)],
  );
}

/** How many products each tier would have. */
export async function previewFormula(database: Database, { weights, tiers }: Formula): Promise<Record<string, number>> {
  const { rows } = await database.query<{ tier: number; products: number }>(
    `select q.tier, count(*)::float8 as products from tem.price_product p cross join lateral (
       select coalesce(min(t.n), cardinality($5::numeric[])) as tier from unnest($5::numeric[]) with ordinality as t(least_priority, n)
       where p.active_deal or p.found_deal or t.least_priority <=
         case when p.active_deal or p.found_deal then $1::numeric else 0 end + p.volatility * $2::numeric + p.popularity * $3::numeric
         + least(100, coalesce(extract(epoch from now() - p.last_checked_at) / 864, 100)) * $4::numeric
     ) q group by q.tier`,
    [
      weights.activeDeal,
      weights.volatility,
      weights.popularity,
      weights.recency,
      tiers.map(({ minPriority }) => minPriority),
    ],
  );
  const found = new Map(rows.map(({ tier, products }) => [Number(tier), products]));
  return Object.fromEntries(tiers.map(({ tier }, n) => [tier, found.get(n + 1) ?? 0]));
}
