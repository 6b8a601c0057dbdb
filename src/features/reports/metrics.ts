// Figures of deliveries, read from the ledger when they are asked for: those of the last day.

import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';

export function reportMetrics(registry: Registry, pool: Pool): void {
  const deliveries = new Gauge({
    name: 'tem_report_deliveries',
    help: 'Deliveries of reports that began in the last 24 hours, by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const { rows } = await pool.query<{ state: string; count: number }>(
        `select state, count(*)::int as count from tem.report_delivery
         where created_at > clock_timestamp() - interval '24 hours' group by state`,
      );
      deliveries.reset();
      for (const { state, count } of rows) deliveries.set({ state }, count);
    },
  });
}
