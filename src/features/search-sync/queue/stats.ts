// The queue's figures, its health in words, and its rows by page: the shapes that pages for the queue before TEM know.

import type pg from 'pg';
import type { QueueHealth, QueueStats } from '../messages.ts';
import { QUEUE, readQueueTable } from './table.ts';

type Queryable = Pick<pg.Pool, 'query'>;

/** Rows of what was processed last that the mean is taken of; all of them would be a pass over a week of rows. */
const MEAN_OF_ROWS = 10_000;

interface Figures extends Omit<QueueStats, 'lastProcessedAt'> {
  lastProcessedAt: Date | null;
}

export interface QueueLook extends QueueStats {
  /** Seconds for which the oldest waiting row has waited. */
  oldestPendingSeconds: number;
  /** Of what was processed in the last 5 minutes. */
  recent: { completed: number; failed: number };
}

const NOTHING: QueueLook = {
  total: 0,
  pending: 0,
  processing: 0,
  completed: 0,
  failed: 0,
  stuck: 0,
  avgProcessingTime: 0,
  lastProcessedAt: null,
  oldestPendingSeconds: 0,
  recent: { completed: 0, failed: 0 },
};

/** Zeros while there is no queue. */
export async function readQueue(pool: Queryable, stuckAfterMs: number): Promise<QueueLook> {
  const queue = await readQueueTable(pool);
  if (!queue) return NOTHING;
  const { rows } = await pool.query<
    Figures & { oldestPendingSeconds: number; recentCompleted: number; recentFailed: number }
  >(
    `with counted as (
        select count(*)::float8 as total, count(*) filter (where q.status = 'pending')::float8 as pending,
          count(*) filter (where q.status = 'processing')::float8 as processing,
          count(*) filter (where q.status = 'completed')::float8 as completed,
          count(*) filter (where q.status = 'failed')::float8 as failed,
          max(q.processed_at) filter (where q.status in ('completed', 'failed')) as "lastProcessedAt",
          count(*) filter (where q.status = 'completed' and q.processed_at > now() - interval '5 minutes')::float8
            as "recentCompleted",
          count(*) filter (where q.status = 'failed' and q.processed_at > now() - interval '5 minutes')::float8
            as "recentFailed",
          coalesce(extract(epoch from now() - min(q.created_at) filter (where q.status = 'pending')), 0)::float8
            as "oldestPendingSeconds"
        from ${QUEUE} q
      ), held as materialized (
        select unnest(b.queue_ids)::${queue.idType} as id from tem.search_batch b
          where b.claimed_at > clock_timestamp() - $1 * interval '1 ms'
      ), stuck as (
        select count(*)::float8 as stuck from ${QUEUE} q where q.status = 'processing' and q.id not in (select id from held)
      ), mean as (
        select coalesce(avg(extract(epoch from r.processed_at - r.created_at) * 1000), 0)::float8 as "avgProcessingTime"
        from (select q.processed_at, q.created_at from ${QUEUE} q where q.status = 'completed'
          order by q.created_at desc limit ${MEAN_OF_ROWS}) r
      )
      select * from counted, stuck, mean`,
    [stuckAfterMs],
  );
  const row = rows[0];
  if (!row) return NOTHING;
  const { recentCompleted, recentFailed, lastProcessedAt, ...figures } = row;
  return {
    ...figures,
    avgProcessingTime: Math.round(figures.avgProcessingTime * 100) / 100,
    lastProcessedAt: lastProcessedAt?.toISOString() ?? null,
    recent: { completed: recentCompleted, failed: recentFailed },
  };
}

/** What else a person should know: targets that are away, a queue that is stopped or nearly full. */
export interface Surroundings {
  paused: boolean;
  pausedBy: string | null;
  keeps: 'whole' | 'marks' | 'full';
  processors: number;
  mappings: number;
  /** Of tables that no mapping has. */
  unmapped: { table: string; rows: number }[];
  targets: { name: string; reachable: boolean; detail: string | null }[];
  lost: { table: string; error: string | null }[];
  /** Tables whose documents Postgres refuses to read. */
  unreadable: { table: string; trouble: string }[];
}

export async function readSurroundings(pool: Queryable): Promise<Surroundings> {
  const { rows } = await pool.query<Omit<Surroundings, 'unmapped'>>(
    `select s.paused, s.paused_by as "pausedBy", s.keeps,
        (select count(*)::int from tem.search_processor p where p.lease_until > clock_timestamp()) as processors,
        (select count(*)::int from tem.search_mapping) as mappings,
        (select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'reachable', t.reachable, 'detail', t.detail)
          order by t.name), '[]') from tem.search_target t) as targets,
        (select coalesce(jsonb_agg(jsonb_build_object('table', m.queue_name, 'error', i.error)), '[]')
          from tem.search_index i join tem.search_mapping m on m.id = i.mapping_id where i.error is not null
            and i.state in ('loading', 'live')) as lost,
        (select coalesce(jsonb_agg(jsonb_build_object('table', m.queue_name, 'trouble', m.trouble) order by m.id), '[]')
          from tem.search_mapping m where m.trouble is not null) as unreadable
      from tem.search_state s`,
  );
  const found = rows[0] as Omit<Surroundings, 'unmapped'>;
  if (!(await readQueueTable(pool))) return { ...found, unmapped: [] };
  const unmapped = await pool.query<{ table: string; rows: number }>(
    `select q.table_name as "table", count(*)::int as rows from ${QUEUE} q where q.status = 'pending'
      and not exists (select from tem.search_mapping m where m.queue_name = q.table_name) group by 1 order by 1 limit 20`,
  );
  return { ...found, unmapped: unmapped.rows };
}

const PENDING_MANY = 1_000;
const NEARLY_FULL = 0.8;
const SLOW_MS = 10_000;
const STUCK_UNHEALTHY = 6;
const ERRORS_UNHEALTHY_PERCENT = 5;
const ERRORS_DEGRADED_PERCENT = 1;

/** The health of the queue in words. Pure, so that each sentence has a test. */
export function judgeQueue(queue: QueueLook, around: Surroundings, queueMax: number): QueueHealth {
  const { completed, failed } = queue.recent;
  const errorRate = completed + failed === 0 ? 0 : Math.round((failed / (completed + failed)) * 10_000) / 100;
  const issues: string[] = [];
  const recommendations: string[] = [];
  const say = (issue: string, recommendation: string): void => {
    issues.push(issue);
    recommendations.push(recommendation);
  };
  if (queue.stuck > 0) {
    say(
      `${queue.stuck} rows are in processing for too long`,
      'they are taken again by themselves within 30 s; if not, look at the workers',
    );
  }
  if (errorRate >= ERRORS_DEGRADED_PERCENT) {
    say(
      `${errorRate} % of the rows of the last 5 minutes failed`,
      'look at error_message of the failed rows, correct the records, or retry them',
    );
  }
  for (const { name, reachable, detail } of around.targets) {
    if (!reachable)
      say(`target ${name} is away: ${detail}`, 'nothing is lost: rows wait and burn no retries; see to the target');
  }
  for (const { table, error } of around.lost)
    say(`the index of ${table} is in trouble: ${error}`, 'it is made and filled anew by itself');
  for (const { table, trouble } of around.unreadable)
    say(
      `documents of ${table} can't be read: ${trouble}`,
      `its rows wait; map it again with a condition, columns or a query that fit the table as it is`,
    );
  if (around.paused)
    say(`search sync is stopped (by ${around.pausedBy ?? 'somebody'})`, 'start it: POST .../queue/start');
  const waiting = queue.pending > 0 && around.mappings > 0;
  if (waiting && around.processors === 0) say('no processor is alive', 'start a worker: tem worker');
  if (queue.pending > PENDING_MANY)
    say(`${queue.pending} rows wait`, 'more workers share the work; look whether the target keeps up');
  if (queue.avgProcessingTime > SLOW_MS)
    say(
      `a change takes ${Math.round(queue.avgProcessingTime / 1_000)} s on average`,
      'look at the target and at the number of workers',
    );
  if (around.keeps !== 'whole') {
    say(
      around.keeps === 'marks'
        ? 'the queue is long: it keeps only that records changed'
        : 'the queue is full: changes are not kept, and tables will be compared',
      'see to the target; nothing is lost, the documents are read from the tables',
    );
  } else if (queue.pending > queueMax * NEARLY_FULL)
    say(
      `the queue is at ${Math.round((queue.pending / queueMax) * 100)} % of TEM_SEARCH_QUEUE_MAX`,
      'see to the target before the queue keeps less',
    );
  for (const { table, rows } of around.unmapped)
    say(
      `${rows} rows wait for table ${table}, which is not mapped`,
      `map it: tem search attach ${table} --index ${table}`,
    );
  const bad =
    queue.stuck >= STUCK_UNHEALTHY ||
    errorRate >= ERRORS_UNHEALTHY_PERCENT ||
    around.keeps === 'full' ||
    (waiting && around.processors === 0) ||
    around.targets.some(({ reachable }) => !reachable);
  return {
    status: bad ? 'unhealthy' : issues.length > 0 ? 'degraded' : 'healthy',
    issues,
    recommendations,
    stuckJobs: queue.stuck,
    errorRate,
  };
}

export interface JobsWish {
  status?: string | undefined;
  table?: string | undefined;
  page: number;
  limit: number;
}

/** A page of rows, newest first. */
export async function readJobs(
  pool: Queryable,
  { status, table, page, limit }: JobsWish,
): Promise<{ jobs: unknown[]; total: number }> {
  if (!(await readQueueTable(pool))) return { jobs: [], total: 0 };
  const where = `($1::text is null or q.status = $1) and ($2::text is null or q.table_name = $2)`;
  const values = [status ?? null, table ?? null];
  const { rows } = await pool.query(
    `select q.id::text, q.table_name, q.operation, q.record_id, q.change_data, q.status, q.retry_count, q.error_message,
        q.created_at, q.processed_at
      from ${QUEUE} q where ${where} order by q.created_at desc, q.id desc limit $3 offset $4`,
    [...values, limit, (page - 1) * limit],
  );
  const counted = await pool.query<{ total: number }>(
    `select count(*)::float8 as total from ${QUEUE} q where ${where}`,
    values,
  );
  return { jobs: rows, total: counted.rows[0]?.total ?? 0 };
}
