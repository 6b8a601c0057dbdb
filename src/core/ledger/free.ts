// Giving events back to the queue: of workers that are gone, of runs that ended without an outcome. A freed event gets a
// new generation, so that the run that had it is stale, and keeps its state: PROCESSING until an attempt begins again.

import type { Pool } from 'pg';
import { CLAIM_DUE_MS } from './claim.ts';
import { LANE, PAYLOAD_UNCHECKED, tellDue } from './queue.ts';

export const FREE_SLICE_MAX = 1_000;
// Workers have random ids, never one of these.
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const isGone = (worker: string): string =>
  `not exists (select from tem.worker w where w.id = ${worker} and w.lease_until > clock_timestamp())`;

// What a worker had open when it vanished may be what killed it: from then on it runs without neighbours (rule 6). So does
// what its relay may just have held against a schema, which can take for ever: the next time an attempt does that.
const LANE_AFTER_CRASH = `case when (e.state = 'PROCESSING' or e.locked_at is not null) and e.epoch_worker_id is not null
    and ${isGone('e.epoch_worker_id')}
  then greatest(e.lane, case when e.crash_count >= 1 then ${LANE.quarantine} else ${LANE.own} end)
  when e.worker_id is not null and ${PAYLOAD_UNCHECKED} and ${isGone('e.worker_id')} then greatest(e.lane, ${LANE.own})
  else e.lane end`;

/** What giving back changes, as the beginning of an update of tem.event e. */
export const FREED = `
  set generation = e.generation + 1, worker_id = null, workflow_id = null, due_by = null,
    due_at = greatest(clock_timestamp(), case when e.state = 'FAILED' then e.next_retry_at end), lane = ${LANE_AFTER_CRASH}`;

/**
 * Frees a slice of the events of workers without a live lease, never one's own; resolves to how many. A worker whose own
 * lease is over frees none: then everybody's may be, because the ledger was away or its clock has jumped.
 */
export async function freeDeadWorkers(pool: Pool, workerId?: string): Promise<number> {
  const { rowCount } = await pool.query({
    name: 'free-dead-workers',
    text: `
      with known as (
        select id from tem.worker where lease_until > clock_timestamp()
        union select $2::uuid where $2 is not null
        union select '${FIRST_ID}'::uuid
      ), between as materialized (
        -- What live workers had is still in the index while an old snapshot is open: it looks only beside them.
        select id as after, lead(id, 1, '${LAST_ID}'::uuid) over (order by id) as before from known
        where $2::uuid is null or exists (select from tem.worker where id = $2 and lease_until > clock_timestamp())
      ), dead as (
        select e.id from between cross join lateral (
          select id from tem.event where due_by is not null and worker_id > after and worker_id < before
            order by worker_id, due_by limit $1 for update skip locked
        ) e limit $1
      )
      update tem.event e ${FREED} from dead where e.id = dead.id`,
    values: [FREE_SLICE_MAX, workerId ?? null],
  });
  if (rowCount) await tellDue(pool);
  return rowCount ?? 0;
}

export interface Owned {
  id: string;
  type: string;
  key: string;
  generation: number;
  workflowId: string | null;
  state: string;
  /** As Postgres writes it: microseconds must survive. */
  dueBy: string;
  overdueMs: number;
  /** How long its attempt has been open; null when none is. */
  openMs: number | null;
  cancelRequested: boolean;
}

/** Events past their due_by, longest overdue first, after `last`: nobody has shown progress when they should have. */
export async function overdue(pool: Pool, limit: number, last?: Pick<Owned, 'dueBy' | 'id'>): Promise<Owned[]> {
  const { rows } = await pool.query<Owned>(OVERDUE, [limit, last?.dueBy ?? null, last?.id ?? null]);
  return rows;
}

const isOverdue = (owner: string): string => `
  select id, due_by from tem.event
    where due_by is not null and ${owner} and due_by < statement_timestamp() and due_by >= coalesce($2, '-infinity'::timestamptz)
      and ($2::timestamptz is null or (due_by, id) > ($2, $3::uuid))
    order by due_by, id limit $1`;

// The index of what is owned is in the order of its owners: what is overdue is looked up for each, and for none.
const OVERDUE = `
  with recursive owner as (
    (select worker_id from tem.event where due_by is not null and worker_id is not null order by worker_id limit 1)
    union all
    select next.worker_id from owner cross join lateral (
      select worker_id from tem.event where due_by is not null and worker_id > owner.worker_id order by worker_id limit 1
    ) next
  ), found as (
    select of_one.* from owner cross join lateral (${isOverdue('worker_id = owner.worker_id')}) of_one
    union all
    (${isOverdue('worker_id is null')})
  ), longest as materialized (
    select id from found order by due_by, id limit $1
  )
  select e.id, e.type, e.key, e.generation, e.workflow_id as "workflowId", e.state, e.due_by::text as "dueBy",
    extract(epoch from clock_timestamp() - e.due_by)::float8 * 1000 as "overdueMs",
    extract(epoch from clock_timestamp() - e.locked_at)::float8 * 1000 as "openMs", e.cancel_requested as "cancelRequested"
  from tem.event e join longest on e.id = longest.id order by e.due_by, e.id`;

/** The unfinished events of a run that has several, by its workflow id. */
export async function ownedByRun(pool: Pool, workflowId: string): Promise<Pick<Owned, 'id' | 'generation'>[]> {
  const { rows } = await pool.query<Pick<Owned, 'id' | 'generation'>>(
    'select id, generation from tem.event where workflow_id = $1 and due_by is not null',
    [workflowId],
  );
  return rows;
}

/** Gives events whose run is well another while until somebody looks after them again. */
export async function keepOwned(
  pool: Pool,
  owned: readonly Pick<Owned, 'id' | 'generation'>[],
  dueByMs: number,
): Promise<void> {
  await pool.query(
    `with chosen as (
       select e.id from tem.event e join unnest($1::uuid[], $2::int[]) as c(id, generation)
         on e.id = c.id and e.generation = c.generation
       where e.due_by is not null order by e.id for update of e skip locked
     )
     update tem.event e set due_by = clock_timestamp() + $3 * interval '1 ms' from chosen where e.id = chosen.id`,
    [owned.map((each) => each.id), owned.map((each) => each.generation), dueByMs],
  );
}

/**
 * Frees events that still are at the generation that was looked at; resolves to how many. Those whose row somebody holds are
 * found again by their due_by.
 */
export async function free(pool: Pool, owned: readonly Pick<Owned, 'id' | 'generation'>[]): Promise<number> {
  if (owned.length === 0) return 0;
  const { rowCount } = await pool.query(
    `with chosen as (
       select e.id from tem.event e join unnest($1::uuid[], $2::int[]) as c(id, generation)
         on e.id = c.id and e.generation = c.generation
       where e.due_by is not null order by e.id for update of e skip locked
     )
     update tem.event e ${FREED} from chosen where e.id = chosen.id`,
    [owned.map((each) => each.id), owned.map((each) => each.generation)],
  );
  if (rowCount) await tellDue(pool);
  return rowCount ?? 0;
}

/**
 * Gives batch members that this run can do nothing for to a workflow of their own; `delayMs` from now at the earliest. Those
 * whose row somebody holds are found by their due_by.
 */
export async function freeForOwnRun(
  pool: Pool,
  members: readonly Pick<Owned, 'id' | 'generation'>[],
  delayMs = 0,
): Promise<void> {
  await pool.query(
    `with chosen as (
       select e.id from tem.event e join unnest($1::uuid[], $2::int[]) as c(id, generation)
         on e.id = c.id and e.generation = c.generation
       where e.due_by is not null order by e.id for update of e skip locked
     )
     update tem.event e set generation = e.generation + 1, worker_id = null, workflow_id = null, due_by = null,
       due_at = greatest(clock_timestamp() + $3 * interval '1 ms', case when e.state = 'FAILED' then e.next_retry_at end),
       lane = greatest(e.lane, ${LANE.own})
     from chosen where e.id = chosen.id`,
    [members.map((each) => each.id), members.map((each) => each.generation), delayMs],
  );
}

/**
 * After Temporal's database was lost: frees a slice of everything that a run had, but leaves attempts of live workers
 * to finish; they are looked after when due. Resolves to how many were freed.
 */
export async function freeAllRuns(pool: Pool, before: Date | string): Promise<number> {
  const { rowCount } = await pool.query(
    `with lost as (
       select e.id from tem.event e where e.due_by is not null and e.updated_at < $2::timestamptz
         and not (e.state = 'PROCESSING' and exists (
           select from tem.worker w where w.id = e.worker_id and w.lease_until > clock_timestamp()))
         -- What a relay has claimed since then has a run in the Temporal that is there now.
         and (e.worker_id is null or e.state = 'PROCESSING' or e.compensating
           or e.due_by < $2::timestamptz + ${CLAIM_DUE_MS} * interval '1 ms')
       order by e.worker_id, e.due_by limit $1 for update of e skip locked
     )
     update tem.event e ${FREED} from lost where e.id = lost.id`,
    [FREE_SLICE_MAX, before],
  );
  if (rowCount) await tellDue(pool);
  return rowCount ?? 0;
}
