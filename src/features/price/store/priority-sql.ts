// The priority's arithmetic in SQL, for sets. `f` is the row of tem.price_formula; the expressions in the arguments name
// where each score comes from. A test holds it against rules/priority.ts.

import { RECENCY_FULL_HOURS, SLACK_MAX_MS, SLACK_PART } from '../rules/priority.ts';

export interface ScoreSql {
  activeDeal: string;
  volatility: string;
  popularity: string;
  lastCheckedAt: string;
}

/** The item `f`. It is one row, which the planner is told: it takes a table that it knows nothing of for a thousand. */
export const FORMULA = '(select * from tem.price_formula limit 1) f';

/** A lateral item `s` with the four kinds of points, their sum `priority`, and the tier's position and interval. */
export function scoredSql({ activeDeal, volatility, popularity, lastCheckedAt }: ScoreSql): string {
  const hours = `extract(epoch from clock_timestamp() - ${lastCheckedAt}) / 3600`;
  return `lateral (
    select q.*, t.position as tier, t.every from (
      select case when ${activeDeal} then f.active_deal else 0 end as deal_points,
        round((${volatility}) * f.volatility, 4) as volatility_points,
        round((${popularity}) * f.popularity, 4) as popularity_points,
        round(case when ${lastCheckedAt} is null then 100
          else round(least(100, greatest(0, ${hours}) / ${RECENCY_FULL_HOURS} * 100)::numeric, 4) end * f.recency, 4)
          as recency_points
    ) q cross join lateral (
      select t.position, t.every from tem.price_tier t
        where (${activeDeal}) or t.min_priority <= q.deal_points + q.volatility_points + q.popularity_points + q.recency_points
          or t.position = (select max(position) from tem.price_tier)
        order by t.position limit 1
    ) t
  ) s`;
}

/** When a product that was checked at `base` is due again: a little early, so that the sweep of its hour finds it. */
export function nextCheckSql(base: string, every: string): string {
  return `(${base} + ${every} - least(${every} * ${SLACK_PART}, interval '${SLACK_MAX_MS} ms'))`;
}
