// Whether a worker runs the events of this ledger. Workers register in the ledger that they work on, and poll task
// queues that carry its id; so one that works on another database, once a real outage, can be told from none at all.

import { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import { connectClient, type TemporalConnectionOptions } from '../temporal.ts';
import type { Finding } from './finding.ts';

const CALL_TIMEOUT_MS = 5_000;
const POLLER_SEEN_WITHIN_MS = 90_000;
const SCHEDULES_READ_MAX = 200;
const OTHERS_NAMED_MAX = 5;
// Named by the workers after the first 8 digits of their ledger's id.
const RECONCILE_SCHEDULE = /^tem-reconcile-([0-9a-f]{8})$/;
const WORKFLOW_QUEUE = 1;
/** A worker registers before it polls. */
const STARTING_MS = 15_000;

interface Temporal {
  options: TemporalConnectionOptions;
  namespace: string;
}

interface WorkerSummary {
  alive: number;
  stopping: number;
  lastSeenSeconds: number | null;
  ledger: string;
  database: string;
}

/**
 * A worker counts while its lease lasts. With `temporal`, workers of other ledgers in the namespace are named when this
 * one has none. Rejects when the ledger can't be read.
 */
export async function checkWorkers(pool: Pool, temporal?: Temporal): Promise<Finding> {
  const { rows } = await pool.query<WorkerSummary>(`
    select count(*) filter (where lease_until > clock_timestamp() and not stopping)::integer as alive,
      count(*) filter (where lease_until > clock_timestamp() and stopping)::integer as stopping,
      extract(epoch from clock_timestamp() - max(lease_until))::float8 as "lastSeenSeconds",
      (select id from tem.ledger) as ledger, current_database() as database
    from tem.worker`);
  const summary = rows[0] as WorkerSummary;
  const { alive, ledger } = summary;
  if (alive > 0)
    return {
      name: 'worker',
      ok: true,
      detail: `${alive} ${alive === 1 ? 'worker runs' : 'workers run'} on ledger ${ledger}`,
    };
  // Only words more: without an answer the finding stands.
  const others = temporal
    ? await withClient(temporal, (client) => workersElsewhere(client, ledger)).catch(() => [])
    : [];
  return { name: 'worker', ok: false, detail: withoutWorker(summary, others) };
}

/**
 * Whether the workers that live also poll Temporal: one may have lost it, or be given another address or namespace than
 * this process. Undefined when none has lived for long enough to tell, or Temporal doesn't answer.
 */
export async function checkPolling(pool: Pool, temporal: Temporal): Promise<Finding | undefined> {
  const { rows } = await pool.query<{ taskQueue: string }>(
    `select distinct task_queue as "taskQueue" from tem.worker
     where lease_until > clock_timestamp() and not stopping and started_at < clock_timestamp() - $1 * interval '1 ms'`,
    [STARTING_MS],
  );
  const taskQueues = rows.map(({ taskQueue }) => taskQueue);
  if (taskQueues.length === 0) return undefined;
  const name = 'polling';
  try {
    const polled = await withClient(temporal, (client) =>
      Promise.all(taskQueues.map((taskQueue) => isPolled(client, taskQueue))),
    );
    const unpolled = taskQueues.filter((_, index) => !polled[index]);
    if (unpolled.length === 0) return { name, ok: true, detail: `task queue ${taskQueues.join(', ')}` };
    const detail = `a worker lives, but none polls Temporal's task queue ${unpolled.join(', ')} in namespace ${temporal.namespace}: it has lost Temporal, or uses another address or namespace; look at its log`;
    return { name, ok: false, detail };
  } catch {
    return undefined;
  }
}

function withoutWorker({ stopping, lastSeenSeconds, ledger, database }: WorkerSummary, others: string[]): string {
  const here = `no worker runs on this database (${database}, ledger ${ledger})`;
  if (others.length > 0) {
    return `${here}, but one polls for ledger ${others.join(', ')}: it works on another database; give both the same DATABASE_URL`;
  }
  if (stopping > 0) return `${here}; ${stopping} is stopping: start 'tem worker'`;
  const before =
    lastSeenSeconds === null
      ? 'none ever did'
      : `the last one was seen ${Math.max(0, Math.round(lastSeenSeconds))} s ago`;
  return `${here}; ${before}: start 'tem worker'`;
}

async function withClient<Answer>(
  { options, namespace }: Temporal,
  question: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const connection = await connectClient(options, CALL_TIMEOUT_MS);
  try {
    const client = new Client({ connection, namespace });
    return await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () => question(client));
  } finally {
    await connection.close();
  }
}

/** The first 8 digits of other ledgers that workers poll for in this namespace. */
async function workersElsewhere(client: Client, ledger: string): Promise<string[]> {
  const found: string[] = [];
  let read = 0;
  for await (const { scheduleId } of client.schedule.list()) {
    read += 1;
    if (read > SCHEDULES_READ_MAX || found.length === OTHERS_NAMED_MAX) break;
    const other = RECONCILE_SCHEDULE.exec(scheduleId)?.[1];
    if (!other || ledger.startsWith(other)) continue;
    const { action } = await client.schedule.getHandle(scheduleId).describe();
    if (await isPolled(client, action.taskQueue)) found.push(other);
  }
  return found;
}

async function isPolled(client: Client, taskQueue: string): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: WORKFLOW_QUEUE,
  });
  const since = Date.now() - POLLER_SEEN_WITHIN_MS;
  return (pollers ?? []).some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 > since);
}
