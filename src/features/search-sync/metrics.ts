// Figures for Prometheus: the queue by table and status, and each target, as of the scrape.

import { Gauge, type Registry } from 'prom-client';
import type { FeatureDependencies } from '../../core/feature.ts';
import { readQueue, readSurroundings } from './queue/stats.ts';
import { QUEUE, readQueueTable } from './queue/table.ts';
import type { SearchSettings } from './settings.ts';

export function searchMetrics(
  registry: Registry,
  { pool, settings, in: process_ }: FeatureDependencies<SearchSettings> & { in: 'api' | 'worker' },
): void {
  if (process_ !== 'api') return;
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const stuck = gauge('tem_search_stuck_rows', 'Rows in processing that nobody works on, or for too long.');
  const mean = gauge('tem_search_processing_seconds', 'Time from a change to the index, on average.');
  const oldest = gauge('tem_search_oldest_pending_seconds', 'Age of the row that waits for longest.');
  const errors = gauge('tem_search_recent_failed_ratio', 'Share of the rows of the last 5 minutes that failed.');
  const processors = gauge('tem_search_processors_alive', 'Processors with a lease.');
  const up = gauge('tem_search_target_up', '1 while the target answers.', ['target']);
  const dirty = gauge('tem_search_waiting_records', 'Records that are to be written anew, by target and table.', [
    'target',
    'table',
  ]);
  const differs = gauge('tem_search_differences', 'What the last comparison found.', ['table', 'difference']);
  new Gauge({
    name: 'tem_search_rows',
    help: 'Rows of the queue.',
    labelNames: ['table', 'status'],
    registers: [registry],
    // One pass for all of them.
    async collect() {
      this.reset();
      if (!(await readQueueTable(pool))) return;
      const { rows } = await pool.query<{ table: string; status: string; count: number }>(
        `select q.table_name as "table", q.status, count(*)::float8 as count from ${QUEUE} q group by 1, 2`,
      );
      for (const { table, status, count } of rows) this.set({ table, status }, count);
      const [queue, around] = [await readQueue(pool, settings.stuckAfterMs), await readSurroundings(pool)];
      stuck.set(queue.stuck);
      mean.set(queue.avgProcessingTime / 1_000);
      oldest.set(queue.oldestPendingSeconds);
      const { completed, failed } = queue.recent;
      errors.set(completed + failed === 0 ? 0 : failed / (completed + failed));
      processors.set(around.processors);
      for (const { name, reachable } of around.targets) up.set({ target: name }, reachable ? 1 : 0);
      dirty.reset();
      const waiting = await pool.query<{ target: string; table: string; count: number }>(
        `select i.target, m.queue_name as "table", count(d.*)::float8 as count from tem.search_index i
          join tem.search_mapping m on m.id = i.mapping_id left join tem.search_dirty d on d.index_id = i.id
          where i.state in ('loading', 'live') group by 1, 2`,
      );
      for (const { target, table, count } of waiting.rows) dirty.set({ target, table }, count);
      const found = await pool.query<{ table: string; verification: Record<string, number> }>(
        'select m.queue_name as "table", m.verification from tem.search_mapping m where m.verification is not null',
      );
      for (const { table, verification } of found.rows) {
        for (const difference of ['missing', 'stale', 'extra'])
          differs.set({ table, difference }, verification[difference] ?? 0);
      }
    },
  });
}
