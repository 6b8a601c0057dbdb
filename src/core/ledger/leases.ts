// A worker's lease: renewed while it lives, ended when it leaves. Rows of a worker without a lease are freed by any other
// within seconds. Renewing also brings back what a lost NOTIFY would have said: which attempts are to be cancelled.

import type { Pool } from 'pg';
import type { EventType } from '../event-type.ts';

export const LEASE_MS = 10_000;
/** What is asked again soon gives a connection that went silent up, so that the next time is on another one. */
const IMPATIENT = { query_timeout: 4_000 };
/** Workers that are gone are kept this long for people to see. */
const GONE_KEPT_MS = 3_600_000;

export interface WorkerRow {
  id: string;
  host: string;
  pid: number;
  taskQueue: string;
  types: readonly EventType[];
}

/** Registers a worker and what its code says of its types. */
export async function registerWorker(pool: Pool, worker: WorkerRow): Promise<void> {
  await pool.query(
    `insert into tem.worker (id, lease_until, host, pid, task_queue, types)
     values ($1, clock_timestamp() + $2 * interval '1 ms', $3, $4, $5, $6)
     on conflict (id) do update set lease_until = excluded.lease_until`,
    [worker.id, LEASE_MS, worker.host, worker.pid, worker.taskQueue, worker.types.map((type) => type.name)],
  );
  await pool.query(
    `insert into tem.event_type (name, definition, compensates)
     select g.* from unnest($1::text[], $2::jsonb[], $3::bool[]) as g(name, definition, compensates)
       -- Without a lock on what says so already.
       where not exists (select from tem.event_type t
         where (t.name, t.definition, t.compensates) = (g.name, g.definition, g.compensates))
       -- In one order for all, or two workers wait for each other.
       order by 1
     on conflict (name) do update set definition = excluded.definition, compensates = excluded.compensates,
       updated_at = clock_timestamp()
     where (tem.event_type.definition, tem.event_type.compensates)
       is distinct from (excluded.definition, excluded.compensates)`,
    [
      worker.types.map((type) => type.name),
      worker.types.map((type) => JSON.stringify(describeType(type))),
      worker.types.map((type) => type.compensate !== undefined),
    ],
  );
  await pool.query('select tem.note_ordered_types()');
}

/** What GET /v1/event-types says of a type; durations in milliseconds. */
export function describeType(type: EventType): Record<string, unknown> {
  const {
    name,
    payload,
    retry,
    compensationRetry,
    timeoutMs,
    ttlMs,
    long,
    batch,
    version,
    keyPrivate,
    alert,
    orderBy,
    priority,
  } = type;
  return {
    name,
    schema: payload,
    retry,
    compensationRetry,
    timeoutMs,
    ttlMs: ttlMs ?? null,
    long,
    batch: batch ?? null,
    orderBy: orderBy ?? null,
    orderAfterExtinct: orderBy === undefined ? null : type.orderAfterExtinct,
    version,
    keyPrivate: keyPrivate ?? false,
    compensates: type.compensate !== undefined,
    alert: alert ?? null,
    priority: priority ?? null,
    subject: type.subject ?? null,
  };
}

/**
 * Renews the lease and shows the relay's counters. `over` when it was over until now, by Postgres's clock; `gone` when its
 * row is, and the worker must register again.
 */
export async function renewLease(
  pool: Pool,
  workerId: string,
  stopping: boolean,
  counters: Readonly<Record<string, number>>,
): Promise<'kept' | 'over' | 'gone'> {
  const { rows } = await pool.query<{ over: boolean }>({
    name: 'renew-lease',
    text: `with before as materialized (select id, lease_until from tem.worker where id = $1 for update)
      update tem.worker w set lease_until = clock_timestamp() + $2 * interval '1 ms', stopping = $3, counters = $4
      from before where w.id = before.id returning before.lease_until < clock_timestamp() as over`,
    values: [workerId, LEASE_MS, stopping, JSON.stringify(counters)],
  });
  if (!rows[0]) return 'gone';
  return rows[0].over ? 'over' : 'kept';
}

/** Which of the given attempts a person wants to stop. */
export async function cancelsAmong(pool: Pool, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await pool.query<{ id: string }>({
    name: 'cancels-among',
    text: `select id from tem.event where id = any($1::uuid[]) and cancel_requested and state = 'PROCESSING'`,
    values: [ids],
    ...IMPATIENT,
  });
  return rows.map((row) => row.id);
}

/** Ends the lease of a worker that has handed everything back. */
export async function endLease(pool: Pool, workerId: string): Promise<void> {
  await pool.query('update tem.worker set lease_until = clock_timestamp(), stopping = true where id = $1', [workerId]);
}

/** Forgets workers that left long ago. */
export async function forgetGoneWorkers(pool: Pool): Promise<void> {
  await pool.query(
    `delete from tem.worker where id in (
       select id from tem.worker where lease_until < clock_timestamp() - $1 * interval '1 ms' for update skip locked)`,
    [GONE_KEPT_MS],
  );
}
