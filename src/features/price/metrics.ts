// Figures of price checks and sweeps, read from the ledger when they are asked for.

import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { readStatistics } from './store/sweeps.ts';

export function priceMetrics(registry: Registry, pool: Pool): void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const due = gauge('tem_price_products_due', 'Products whose time to be checked has come.');
  const overdue = gauge('tem_price_products_overdue', 'Products that are late by an interval of their tier.');
  const rate = gauge('tem_price_checks_per_second', 'Checks, over the last 5 minutes.');
  const success = gauge(
    'tem_price_check_success_ratio',
    'Share of the checks of the last 5 minutes that found a price.',
  );
  const duration = gauge('tem_price_check_duration_seconds', 'Mean duration of the checks of the last 5 minutes.');
  new Gauge({
    name: 'tem_price_sweeps',
    help: 'Sweeps of the last 24 hours, by state.',
    labelNames: ['state'],
    registers: [registry],
    // One pass for all of them.
    async collect() {
      const figures = await readStatistics(pool);
      due.set(figures.due);
      overdue.set(figures.overdue);
      rate.set(figures.checksPerSecond);
      // Without a check there is nothing to say.
      success.set(figures.successRate ?? Number.NaN);
      duration.set((figures.meanDurationMs ?? Number.NaN) / 1_000);
      const { rows } = await pool.query<{ state: string; count: number }>(
        `select state, count(*)::int as count from tem.price_sweep
         where started_at > clock_timestamp() - interval '24 hours' or state = 'running' group by state`,
      );
      this.reset();
      for (const { state, count } of rows) this.set({ state }, count);
    },
  });
}
