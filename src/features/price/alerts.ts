// When an operator is told of sweeps: one that has run for hours and doesn't end. A paused one is a person's wish.

import type { Pool } from 'pg';
import type { Condition } from '../../core/alerts/condition.ts';

const SWEEP_HOURS_MAX = 6;

export async function sweepConditions(pool: Pool): Promise<Condition[]> {
  const { rows } = await pool.query<{ id: string; due: number; checked: number; hours: number }>(
    `select id, due::float8 as due, checked::float8 as checked,
       round(extract(epoch from clock_timestamp() - started_at) / 3600)::int as hours
     from tem.price_sweep where state = 'running' and started_at < clock_timestamp() - interval '${SWEEP_HOURS_MAX} hours'
     order by started_at limit 20`,
  );
  return rows.map(({ id, due, checked, hours }) => ({
    kind: 'sweep_not_ending',
    subject: id,
    detail: `the price sweep ${id} has run for ${hours} hours and has checked ${checked} of ${due} products`,
    advice: `tem events show ${id} says what it waits for; GET /v1/price/statistics shows shops that are slow or blocked`,
    count: due - checked,
    samples: [id],
  }));
}
