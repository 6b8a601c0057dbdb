// Figures of what an operator is told of: events that nobody shows progress of, open incidents, flows that are paused.

import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';

const COUNTED_MAX = 10_000;

export function registerOperationFigures(registry: Registry, pool: Pool): void {
  const gauge = (name: string, help: string, labelNames: string[], read: (own: Gauge) => Promise<void>): Gauge =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        await read(this);
      },
    });
  gauge('tem_events_stuck', 'Events past the time by which somebody should have shown progress.', [], async (own) => {
    const { rows } = await pool.query<{ count: number }>(
      `select count(*)::int as count from (select from tem.event
         where due_by is not null and due_by < clock_timestamp() - interval '10 s' limit ${COUNTED_MAX}) one`,
    );
    own.set(rows[0]?.count ?? 0);
  });
  gauge('tem_incidents_open', 'Incidents that last.', ['kind'], async (own) => {
    const { rows } = await pool.query<{ kind: string; count: number }>(
      'select kind, count(*)::int as count from tem.incident where ended_at is null group by kind',
    );
    own.reset();
    for (const { kind, count } of rows) own.set({ kind }, count);
  });
  gauge('tem_flows_paused', 'Flows that a person has paused.', [], async (own) => {
    const { rows } = await pool.query<{ count: number }>('select count(*)::int as count from tem.flow where paused');
    own.set(rows[0]?.count ?? 0);
  });
}
