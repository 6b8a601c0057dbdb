// Taking due events from the queue. A lane is one (type, lane, priority, group); the queue's index is ordered by lane
// and then by time and id, so a claim reads just the rows that it takes. Claims start at the lane's oldest live row: rows
// that an old snapshot keeps from being vacuumed lie before it and cost nothing (rule 14), also when all are due at once.

import type { Pool } from 'pg';
import { columnsOf, type Position } from './discover.ts';
import { LANE, PAYLOAD_UNCHECKED, STANDS_IN_LINE } from './queue.ts';
import { ENDED_STATES } from './states.ts';

/** How long a claimed event may stay without an attempt before it is freed. */
export const CLAIM_DUE_MS = 10_000;

export interface Claimed {
  id: string;
  type: string;
  key: string;
  lane: number;
  priority: number;
  group: string;
  generation: number;
  epoch: number;
  retryCount: number;
  dueAt: string;
  /** How long it has been due. */
  lateMs: number;
  traceContext: string | null;
  /**
   * Only for events whose payload nobody has held against the code's schema yet (SQL; an API without the type), and only
   * the first time: who died over it left it to an attempt, which counts.
   */
  uncheckedPayload: unknown;
}

export interface ClaimRequest {
  workerId: string;
  lanes: Position[];
  /** Rows of each lane at most. */
  take: number;
  /** The batch that will have them; a lonely one goes to a run of its own. */
  workflowId: string | undefined;
}

/**
 * Claims due events, oldest first within each lane. A claim raises the generation: whatever an older run of the event
 * still does is stale from then on. Rows locked by another relay are passed over.
 */
export async function claim(pool: Pool, request: ClaimRequest): Promise<Claimed[]> {
  const { rows } = await pool.query<Claimed>({
    name: 'claim',
    text: `
      with wanted as (
        select * from unnest($1::text[], $2::smallint[], $3::smallint[], $4::text[], $5::timestamptz[], $6::uuid[])
          as w(type, lane, priority, "group", from_at, from_id)
      ), picked as materialized (
        select e.id, e.due_at from wanted w cross join lateral (
          select id, due_at from tem.event
            where due_at is not null and type = w.type and lane = w.lane and priority = w.priority
              and "group" = w."group" and (due_at, id) >= (w.from_at, w.from_id) and due_at <= (select clock_timestamp())
            order by due_at, id limit $7 for update skip locked
        ) e
      )
      update tem.event e set worker_id = $8, generation = e.generation + 1, due_at = null,
        workflow_id = case when (select count(*) from picked) > 1 then $9 end,
        due_by = clock_timestamp() + $10 * interval '1 ms'
      from picked where e.id = picked.id
      returning e.id, e.type, e.key, e.lane, e.priority, e."group", e.generation, e.epoch,
        e.retry_count as "retryCount", picked.due_at::text as "dueAt",
        extract(epoch from clock_timestamp() - picked.due_at)::float8 * 1000 as "lateMs", e.trace_context as "traceContext",
        case when e.lane = ${LANE.shared} and ${PAYLOAD_UNCHECKED} then e.payload end as "uncheckedPayload"`,
    values: [...columnsOf(request.lanes), request.take, request.workerId, request.workflowId ?? null, CLAIM_DUE_MS],
  });
  return rows.sort((a, b) => a.priority - b.priority || compare(a.dueAt, b.dueAt) || compare(a.id, b.id));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Puts claimed events back because their run couldn't be started; those that have begun meanwhile are left alone. */
export async function unclaim(pool: Pool, claimed: readonly Claimed[], delayMs: number): Promise<void> {
  await pool.query(
    `with returned as (
       select e.id from tem.event e
         join unnest($1::uuid[], $2::int[], $3::int[]) as c(id, generation, epoch)
           on e.id = c.id and e.generation = c.generation and e.epoch = c.epoch
         where e.due_by is not null order by e.id for update of e skip locked
     )
     update tem.event e set worker_id = null, workflow_id = null, due_by = null,
       due_at = clock_timestamp() + $4 * interval '1 ms'
     from returned where e.id = returned.id`,
    [
      claimed.map((each) => each.id),
      claimed.map((each) => each.generation),
      claimed.map((each) => each.epoch),
      delayMs,
    ],
  );
}

/**
 * Puts an event whose next attempt is due back into the queue for another run, which may begin after `delayMs`; false when
 * its run must go on.
 */
export async function giveBack(pool: Pool, run: { id: string; generation: number }, delayMs: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update tem.event set worker_id = null, workflow_id = null, due_by = null,
       due_at = clock_timestamp() + $3 * interval '1 ms'
     where id = (
       select id from tem.event where id = $1 and generation = $2 and due_by is not null and state in ('QUEUED', 'FAILED')
         and not compensating and not cancel_requested for update skip locked)`,
    [run.id, run.generation, delayMs],
  );
  return rowCount === 1;
}

/**
 * Gives an event to a workflow that a person started by hand, as a claim would; again when that run asks twice. Says in
 * words why not: it has ended, somebody else has it, or it isn't there.
 */
export async function adopt(
  pool: Pool,
  id: string,
  workflowId: string,
): Promise<{ generation: number; retryCount: number; key: string; type: string } | { refusal: string }> {
  const { rows } = await pool.query(
    `update tem.event set generation = generation + 1, due_at = null, workflow_id = $2,
       due_by = clock_timestamp() + $3 * interval '1 ms', worker_id = null
     where id = $1 and (due_at is not null or due_by is not null and worker_id is null and workflow_id = $2)
     returning generation, retry_count as "retryCount", key, type`,
    [id, workflowId, CLAIM_DUE_MS],
  );
  if (rows[0]) return rows[0];
  const { rows: present } = await pool.query(
    `select state, ${STANDS_IN_LINE} as stands from tem.event e where id = $1`,
    [id],
  );
  const [event] = present;
  if (!event) return { refusal: `no event ${id} is in this ledger` };
  if (ENDED_STATES.includes(event.state))
    return {
      refusal: `event ${id} has ended ${event.state}; revive an EXTINCT event with POST /v1/events/${id}/retry`,
    };
  const held = event.stands ? 'another of its value has its turn before it' : 'another run has it';
  return { refusal: `event ${id} is ${event.state} and ${held}` };
}
