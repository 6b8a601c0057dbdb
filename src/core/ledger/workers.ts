// The worker processes as operators see and steer them: who lives, what each runs, and that one should drain or end.

import type { Pool } from 'pg';

/** Of one worker's events that are shown. */
const ACTIVE_MAX = 1_000;

export interface WorkerJson {
  id: string;
  host: string;
  pid: number;
  /** `gone`: its lease is over. `draining`: it claims nothing more. `stopping`: it hands back and ends. */
  state: 'running' | 'draining' | 'stopping' | 'gone';
  startedAt: string;
  leaseUntil: string;
  taskQueue: string;
  types: string[];
  /** Attempts under way. */
  active: number;
  /** What its relay has done since it started. */
  counters: Record<string, number>;
}

export interface ActiveEvent {
  worker: string;
  id: string;
  type: string;
  key: string;
  group: string | null;
  attempt: number;
  since: string;
}

interface Row extends Omit<WorkerJson, 'startedAt' | 'leaseUntil' | 'counters'> {
  startedAt: Date;
  leaseUntil: Date;
  counters: Record<string, number> | null;
}

/** Live ones first, then those that left within the last hour. */
export async function listWorkers(pool: Pool): Promise<WorkerJson[]> {
  const { rows } = await pool.query<Row>(`
    select w.id, w.host, w.pid, w.started_at as "startedAt", w.lease_until as "leaseUntil", w.task_queue as "taskQueue",
      w.types, w.counters,
      case when w.lease_until <= clock_timestamp() then 'gone' when w.stopping or w.wanted = 'shutdown' then 'stopping'
        when w.wanted = 'drain' then 'draining' else 'running' end as state,
      (select count(*)::int from (select from tem.event e
        where e.worker_id = w.id and e.due_by is not null and e.state = 'PROCESSING' limit ${ACTIVE_MAX}) held) as active
    from tem.worker w order by w.lease_until > clock_timestamp() desc, w.started_at, w.id`);
  return rows.map(({ startedAt, leaseUntil, counters, ...row }) => ({
    ...row,
    startedAt: startedAt.toISOString(),
    leaseUntil: leaseUntil.toISOString(),
    counters: counters ?? {},
  }));
}

/** What workers run now, of all or of one, longest first. */
export async function activeEvents(pool: Pool, worker?: string): Promise<ActiveEvent[]> {
  const { rows } = await pool.query<Omit<ActiveEvent, 'since'> & { since: Date }>(
    `select e.worker_id as worker, e.id, e.type, e.key, nullif(e."group", '') as "group", e.retry_count + 1 as attempt,
       e.locked_at as since
     from tem.event e where e.due_by is not null and e.worker_id is not null and e.state = 'PROCESSING'
       and ($1::uuid is null or e.worker_id = $1) order by e.locked_at, e.id limit ${ACTIVE_MAX}`,
    [worker ?? null],
  );
  return rows.map(({ since, ...row }) => ({ ...row, since: since.toISOString() }));
}

/** Says what is wanted of a live worker, null to let it go on; false when there is none with this id. */
export async function steerWorker(
  pool: Pick<Pool, 'query'>,
  id: string,
  wanted: 'drain' | 'shutdown' | null,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    'update tem.worker set wanted = $2 where id = $1 and lease_until > clock_timestamp()',
    [id, wanted],
  );
  return rowCount === 1;
}

export async function wantedOf(pool: Pool, id: string): Promise<'drain' | 'shutdown' | null> {
  const { rows } = await pool.query<{ wanted: 'drain' | 'shutdown' | null }>({
    name: 'worker-wanted',
    text: 'select wanted from tem.worker where id = $1',
    values: [id],
  });
  return rows[0]?.wanted ?? null;
}
