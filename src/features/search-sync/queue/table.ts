// The queue table, column for column as those have it who ran a queue before TEM. It is made at the first mapping; one that
// is there is taken over with its rows, and what is altered on it is said first.

import type pg from 'pg';

export const QUEUE = 'public.elasticsearch_sync_queue';
/** Of the row trigger that filled the queue before TEM: `<table>_queue_sync`. */
export const OLD_FUNCTION = 'public.add_to_elasticsearch_queue';

type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

// No check constraints: Postgres reads each anew for every statement that writes, which costs an application's update of one
// row a fifth of the trigger.
const MAKE = [
  `create table ${QUEUE} (
    id bigserial primary key,
    table_name varchar(255) not null,
    operation varchar(20) not null,
    record_id text not null,
    change_data jsonb,
    status varchar(20) not null default 'pending',
    retry_count integer not null default 0,
    error_message text,
    created_at timestamptz not null default now(),
    processed_at timestamptz
  ) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)`,
  `create index idx_elasticsearch_sync_queue_status_created on ${QUEUE} (status, created_at)`,
  `create index idx_elasticsearch_sync_queue_table_record on ${QUEUE} (table_name, record_id)`,
  `create index idx_elasticsearch_sync_queue_retry_count on ${QUEUE} (retry_count) where status = 'failed'`,
];

// What claims look at: rows leave it when they are taken.
const CLAIM_INDEX = `create index if not exists tem_search_pending on ${QUEUE} (id) where status = 'pending'`;

const STATS_FUNCTION = `create function public.get_elasticsearch_queue_stats() returns table (
    total_jobs bigint, pending_jobs bigint, processing_jobs bigint, completed_jobs bigint, failed_jobs bigint,
    avg_processing_time numeric, last_processed_at timestamptz
  ) language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select count(*), count(*) filter (where q.status = 'pending'), count(*) filter (where q.status = 'processing'),
      count(*) filter (where q.status = 'completed'), count(*) filter (where q.status = 'failed'),
      coalesce(avg(extract(epoch from q.processed_at - q.created_at) * 1000)
        filter (where q.status in ('completed', 'failed')), 0),
      max(q.processed_at) filter (where q.status in ('completed', 'failed'))
    from ${QUEUE} q;
  end`;

export interface QueueTable {
  /** The type of its ids, as SQL names it. */
  idType: string;
}

/** The queue table as it is; undefined when there is none. */
export async function readQueueTable(pool: Queryable): Promise<QueueTable | undefined> {
  const { rows } = await pool.query<{ type: string }>(
    `select format_type(a.atttypid, null) as type from pg_attribute a
      where a.attrelid = to_regclass($1) and a.attname = 'id' and not a.attisdropped`,
    [QUEUE],
  );
  return rows[0] && { idType: rows[0].type };
}

interface QueueColumn {
  name: string;
  type: string;
  notNull: boolean;
}

/** What has to be altered on a queue table that was there before, each as a sentence and its SQL. */
export async function takeoverSteps(pool: Queryable): Promise<{ say: string; sql: string }[]> {
  const { rows } = await pool.query<QueueColumn>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as "notNull" from pg_attribute a
      where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`,
    [QUEUE],
  );
  const steps: { say: string; sql: string }[] = [];
  for (const { name, type, notNull } of rows) {
    if (
      (name === 'record_id' || name === 'table_name') &&
      type !== 'text' &&
      !(name === 'table_name' && type === 'character varying(255)')
    ) {
      steps.push({
        say: `${QUEUE}.${name} is ${type} and becomes text, so that it takes ${name === 'record_id' ? 'ids of any type' : 'names of any length'}`,
        sql: `alter table ${QUEUE} alter column ${name} type text using ${name}::text`,
      });
    }
    if (name === 'change_data' && notNull) {
      steps.push({
        say: `${QUEUE}.change_data may be null from now on, for times when only the record is kept`,
        sql: `alter table ${QUEUE} alter column change_data drop not null`,
      });
    }
  }
  return steps;
}

/** Makes the queue table, or takes one over; resolves to whether it was made. Runs in the caller's transaction. */
export async function ensureQueueTable(client: Queryable, steps: readonly { sql: string }[]): Promise<boolean> {
  const there = await readQueueTable(client);
  for (const sql of there ? steps.map((step) => step.sql) : MAKE) await client.query(sql);
  await client.query(CLAIM_INDEX);
  const stats = await client.query(
    `select to_regprocedure('public.get_elasticsearch_queue_stats()') is null as missing`,
  );
  if (stats.rows[0]?.missing) await client.query(STATS_FUNCTION);
  return there === undefined;
}
