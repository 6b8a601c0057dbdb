// Figures for Prometheus: the queue by table and status, and each target, as of the scrape.

import type pg from 'pg';
import { Gauge, type Registry } from 'prom-client';
import type { FeatureDependencies } from '../../core/feature.ts';
import { type QueueLook, readQueue, readSurroundings, type Surroundings } from './queue/stats.ts';
import { QUEUE, readQueueTable } from './queue/table.ts';
import type { SearchSettings } from './settings.ts';

interface Figures {
  queue: QueueLook;
  around: Surroundings;
  rows: { table: string; status: string; count: number }[];
  waiting: { target: string; table: string; count: number }[];
  found: { table: string; verification: Record<string, number> }[];
}

export function searchMetrics(
  registry: Registry,
  { pool, settings, in: process_ }: FeatureDependencies<SearchSettings> & { in: 'api' | 'worker' },
): void {
  if (process_ !== 'api') return;
  // One reading for all gauges of a scrape, which are asked in the same moment.
  let reading: Promise<Figures | undefined> | undefined;
  const read = (): Promise<Figures | undefined> => {
    reading ??= readFigures(pool, settings).finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const gauge = (name: string, help: string, labelNames: string[], set: (gauge: Gauge, figures: Figures) => void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const figures = await read();
        this.reset();
        if (figures) set(this, figures);
      },
    });
  gauge('tem_search_rows', 'Rows of the queue.', ['table', 'status'], (each, { rows }) => {
    for (const { table, status, count } of rows) each.set({ table, status }, count);
  });
  gauge('tem_search_stuck_rows', 'Rows in processing that nobody works on, or for too long.', [], (each, { queue }) =>
    each.set(queue.stuck),
  );
  gauge('tem_search_processing_seconds', 'Time from a change to the index, on average.', [], (each, { queue }) =>
    each.set(queue.avgProcessingTime / 1_000),
  );
  gauge('tem_search_oldest_pending_seconds', 'Age of the row that waits for longest.', [], (each, { queue }) =>
    each.set(queue.oldestPendingSeconds),
  );
  gauge(
    'tem_search_recent_failed_ratio',
    'Share of the rows of the last 5 minutes that failed.',
    [],
    (each, { queue }) => {
      const { completed, failed } = queue.recent;
      each.set(completed + failed === 0 ? 0 : failed / (completed + failed));
    },
  );
  gauge('tem_search_processors_alive', 'Processors with a lease.', [], (each, { around }) =>
    each.set(around.processors),
  );
  gauge('tem_search_target_up', '1 while the target answers.', ['target'], (each, { around }) => {
    for (const { name, reachable } of around.targets) each.set({ target: name }, reachable ? 1 : 0);
  });
  gauge(
    'tem_search_waiting_records',
    'Records that are to be written anew, by target and table.',
    ['target', 'table'],
    (each, { waiting }) => {
      for (const { target, table, count } of waiting) each.set({ target, table }, count);
    },
  );
  gauge('tem_search_differences', 'What the last comparison found.', ['table', 'difference'], (each, { found }) => {
    for (const { table, verification } of found) {
      for (const difference of ['missing', 'stale', 'extra'])
        each.set({ table, difference }, verification[difference] ?? 0);
    }
  });
}

/** Undefined while there is no queue. */
async function readFigures(pool: pg.Pool, settings: SearchSettings): Promise<Figures | undefined> {
  if (!(await readQueueTable(pool))) return undefined;
  const { rows } = await pool.query<Figures['rows'][number]>(
    `select q.table_name as "table", q.status, count(*)::float8 as count from ${QUEUE} q group by 1, 2`,
  );
  const waiting = await pool.query<Figures['waiting'][number]>(
    `select i.target, m.queue_name as "table", count(d.*)::float8 as count from tem.search_index i
      join tem.search_mapping m on m.id = i.mapping_id left join tem.search_dirty d on d.index_id = i.id
      where i.state in ('loading', 'live') group by 1, 2`,
  );
  const found = await pool.query<Figures['found'][number]>(
    'select m.queue_name as "table", m.verification from tem.search_mapping m where m.verification is not null',
  );
  return {
    queue: await readQueue(pool, settings.stuckAfterMs),
    around: await readSurroundings(pool),
    rows,
    waiting: waiting.rows,
    found: found.rows,
  };
}
