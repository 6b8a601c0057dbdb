// Taking due events from the queue. A lane is one (type, lane, priority, group); the queue's index is ordered by lane
// and then by time and id, so a claim reads just the rows that it takes. Claims start at the lane's oldest live row: rows
// that an old snapshot keeps from being vacuumed lie before it and cost nothing (rule 14), also when all are due at once.

import type { Pool, PoolClient } from 'pg';
import { readWithin } from './pool.ts';
import { LANE, PAYLOAD_UNCHECKED } from './queue.ts';
import { ENDED_STATES } from './states.ts';

/** How long a claimed event may stay without an attempt before it is freed. */
const CLAIM_DUE_MS = 10_000;
/** Lanes of a type that are not due yet. */
const NEXT_LANES_MAX = 10;
const DISCOVER_ALL_WITHIN_MS = 120_000;
/** No lane has this number or a higher one. */
const LANE_MAX = 32_767;

export interface Lane {
  type: string;
  /** 0 may share a batch, 1 has a workflow of its own, 2 is quarantine. */
  lane: number;
  priority: number;
  group: string;
  /** due_at of the oldest live row, as Postgres writes it: microseconds must survive. */
  from: string;
  /** Of several that are due at the same time the first, by id. */
  fromId: string;
  /** Milliseconds until that row is due; 0 or less when it is. */
  dueInMs: number;
}

/** A lane, and a place in it. */
export type Position = Omit<Lane, 'dueInMs'>;

export interface Found {
  lanes: Lane[];
  /** When it was looked, as Postgres writes it. */
  asOf: string;
}

/**
 * The lanes of these types with a waiting event, by a loose index scan: one descent per lane, however many events wait in
 * it. Of the due lanes a chance choice of `dueMax` per type and kind of lane, first priority first, so that no number of
 * groups can hide another; of the others the next ones, so that the relay knows when to look again.
 *
 * While an old snapshot is open, the entries of all that was claimed since are still in the index, and a descent to the
 * beginning of a lane passes them. Lanes with a position are entered there instead: what waits before it isn't found.
 */
export async function discoverLanes(
  client: Pool | PoolClient,
  types: readonly string[],
  dueMax: number,
  positions: readonly Position[] = [],
  queryTimeoutMs?: number,
): Promise<Found> {
  const { rows } = await client.query<Lane & { asOf: string }>({
    name: 'discover-lanes',
    text: `
      with recursive positioned as (
        select * from unnest($3::text[], $4::smallint[], $5::smallint[], $6::text[], $7::timestamptz[], $8::uuid[])
          as p(type, lane, priority, "group", from_at, from_id)
      ), edge as (
        select type, -1::smallint as lane, 0::smallint as priority, '' as "group" from unnest($1::text[]) as wanted(type)
        union all select type, lane, priority, "group" from positioned
      ), gap as (
        select *, coalesce(lead(lane) over next, ${LANE_MAX}) as lane_end,
          coalesce(lead(priority) over next, 0) as priority_end, coalesce(lead("group") over next, '') as group_end
        from edge window next as (partition by type order by lane, priority, "group")
      ), scanned as (
        select type, lane, priority, "group", null::timestamptz as due_at, null::uuid as id, lane_end, priority_end, group_end
          from gap
        union all
        select next.*, lane_end, priority_end, group_end from scanned cross join lateral (
          select e.type, e.lane, e.priority, e."group", e.due_at, e.id from tem.event e
            where e.due_at is not null and e.type = scanned.type
              and (e.lane, e.priority, e."group") > (scanned.lane, scanned.priority, scanned."group")
              and (e.lane, e.priority, e."group") < (lane_end, priority_end, group_end)
            order by e.lane, e.priority, e."group", e.due_at, e.id limit 1
        ) next
      ), found as (
        select type, lane, priority, "group", due_at, id from scanned where id is not null
        union all
        select first.* from positioned p cross join lateral (
          select e.type, e.lane, e.priority, e."group", e.due_at, e.id from tem.event e
            where e.due_at is not null and e.type = p.type and e.lane = p.lane and e.priority = p.priority
              and e."group" = p."group" and (e.due_at, e.id) >= (p.from_at, p.from_id)
            order by e.due_at, e.id limit 1
        ) first
      ), judged as (
        select *, extract(epoch from due_at - clock_timestamp())::float8 * 1000 as due_in_ms from found
      ), ranked as (
        select *, row_number() over (
          partition by type, lane, due_in_ms <= 0
          order by case when due_in_ms <= 0 then priority end, case when due_in_ms > 0 then due_at end, random()) as nth
        from judged
      )
      select type, lane, priority, "group", due_at::text as "from", id as "fromId", due_in_ms as "dueInMs", "asOf"
      from (select statement_timestamp()::text as "asOf") as look
        left join ranked on nth <= case when due_in_ms <= 0 then $2 else ${NEXT_LANES_MAX} end
      order by type, lane, priority, "group"`,
    values: [types, dueMax, ...columnsOf(positions)],
    ...(queryTimeoutMs !== undefined && { query_timeout: queryTimeoutMs }),
  });
  const asOf = rows[0]?.asOf as string;
  // Without any lane there is one row, of the time alone.
  return { asOf, lanes: rows.filter((row) => row.type !== null).map(({ asOf: _, ...lane }) => lane) };
}

/** `discoverLanes` without positions, however long it takes: beyond what the pool's statements may. */
export function discoverAllLanes(pool: Pool, types: readonly string[], dueMax: number): Promise<Found> {
  return readWithin(pool, DISCOVER_ALL_WITHIN_MS, (client) =>
    discoverLanes(client, types, dueMax, [], DISCOVER_ALL_WITHIN_MS),
  );
}

/** As arrays, for unnest. */
function columnsOf(positions: readonly Position[]): [string[], number[], number[], string[], string[], string[]] {
  return [
    positions.map((each) => each.type),
    positions.map((each) => each.lane),
    positions.map((each) => each.priority),
    positions.map((each) => each.group),
    positions.map((each) => each.from),
    positions.map((each) => each.fromId),
  ];
}

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
        extract(epoch from clock_timestamp() - picked.due_at)::float8 * 1000 as "lateMs",
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
         where e.due_by is not null order by e.id for update of e
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
     where id = $1 and generation = $2 and due_by is not null and state in ('QUEUED', 'FAILED')
       and not compensating and not cancel_requested`,
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
  const { rows: present } = await pool.query('select state, workflow_id, type, key from tem.event where id = $1', [id]);
  const [event] = present;
  if (!event) return { refusal: `no event ${id} is in this ledger` };
  return ENDED_STATES.includes(event.state)
    ? { refusal: `event ${id} has ended ${event.state}; revive an EXTINCT event with POST /v1/events/${id}/retry` }
    : { refusal: `event ${id} is ${event.state} and another run has it` };
}
