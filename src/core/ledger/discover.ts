// Which lanes of the queue have something waiting. A lane is one (type, lane, priority, group); the queue's index is ordered
// by lane and then by time, so that one descent tells the first event of each. However many groups wait, a look takes in a
// bounded number of them.

import type { Pool, PoolClient } from 'pg';
import { readWithin } from './pool.ts';

/** Lanes of a type that are not due yet. */
const NEXT_LANES_MAX = 10;
const DISCOVER_ALL_WITHIN_MS = 120_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
/** No lane has this number or a higher one. */
const LANE_MAX = 32_767;

export interface LanePlace {
  type: string;
  /** 0 may share a batch, 1 has a workflow of its own, 2 is quarantine. */
  lane: number;
  priority: number;
  group: string;
}

export interface Lane extends LanePlace {
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
  /** Where it has left off: the last lane that it has looked at, of each type, lane and priority that has more groups. */
  ends: LanePlace[];
  /** How many lanes it has looked at. */
  count: number;
  /** When it was looked, as Postgres writes it. */
  asOf: string;
}

/** Where a look begins, if not with the first group of each type, lane and priority. */
export interface LookFrom {
  positions?: readonly Position[];
  after?: readonly LanePlace[];
  queryTimeoutMs?: number;
}

/**
 * The lanes of these types with a waiting event, by a loose index scan: one descent per lane, however many events wait in
 * it. Of each type, lane and priority it looks at `groupsMax` groups at most, from the first one on, or from the first one
 * after that in `after`, so that no number of groups makes it slow. Of lanes that aren't due the next ones, so that the
 * relay knows when to look again.
 *
 * While an old snapshot is open, the entries of all that was claimed since are still in the index, and a descent to the
 * beginning of a lane passes them. Lanes with a position are entered there instead: what waits before it isn't found.
 */
export async function discoverLanes(
  client: Pool | PoolClient,
  types: readonly string[],
  groupsMax: number,
  { positions = [], after = [], queryTimeoutMs }: LookFrom = {},
): Promise<Found> {
  const { rows } = await client.query<Lane & { asOf: string; isEnd: boolean; count: number }>({
    name: 'discover-lanes',
    text: DISCOVER,
    values: [types, groupsMax, ...columnsOf(positions), ...placesOf(after)],
    ...(queryTimeoutMs !== undefined && { query_timeout: queryTimeoutMs }),
  });
  const { asOf = '', count = 0 } = rows[0] ?? {};
  // Without any lane there is one row, of the time alone.
  const found = rows.filter((row) => row.type !== null);
  const lanes = found.map(({ asOf: _, isEnd: __, count: ___, ...lane }) => lane);
  return { asOf, count, lanes, ends: found.filter(({ isEnd }) => isEnd) };
}

/** `discoverLanes` without positions, however long it takes: beyond what the pool's statements may. */
export function discoverAllLanes(
  pool: Pool,
  types: readonly string[],
  groupsMax: number,
  after: readonly LanePlace[] = [],
): Promise<Found> {
  return readWithin(pool, DISCOVER_ALL_WITHIN_MS, (client) =>
    discoverLanes(client, types, groupsMax, { after, queryTimeoutMs: DISCOVER_ALL_WITHIN_MS }),
  );
}

/** As arrays, for unnest. */
export function columnsOf(
  positions: readonly Position[],
): [string[], number[], number[], string[], string[], string[]] {
  return [...placesOf(positions), positions.map((each) => each.from), positions.map((each) => each.fromId)];
}

function placesOf(lanes: readonly LanePlace[]): [string[], number[], number[], string[]] {
  return [
    lanes.map((each) => each.type),
    lanes.map((each) => each.lane),
    lanes.map((each) => each.priority),
    lanes.map((each) => each.group),
  ];
}

const DISCOVER = `
  with recursive positioned as (
    select * from unnest($3::text[], $4::smallint[], $5::smallint[], $6::text[], $7::timestamptz[], $8::uuid[])
      as p(type, lane, priority, "group", from_at, from_id)
  ), edge as (
    select type, -1::smallint as lane, 0::smallint as priority, '' as "group", false as is_start
      from unnest($1::text[]) as wanted(type)
    union all select type, lane, priority, "group", false from positioned
    union all select *, true from unnest($9::text[], $10::smallint[], $11::smallint[], $12::text[])
  ), gap as (
    select *, coalesce(lead(lane) over next, ${LANE_MAX}) as lane_end,
      coalesce(lead(priority) over next, 0) as priority_end, coalesce(lead("group") over next, '') as group_end,
      coalesce(lead(is_start) over next, false) as leads_to_start
    from edge window next as (partition by type order by lane, priority, "group")
  ), scanned as (
    select type, lane, priority, "group", null::timestamptz as due_at, null::uuid as id, 0 as n,
        lane_end, priority_end, group_end, leads_to_start
      from gap
    union all
    select next.*,
        case when next.lane = scanned.lane and next.priority = scanned.priority then scanned.n + 1 else 1 end,
        lane_end, priority_end, group_end, leads_to_start
      from scanned cross join lateral (
        -- What comes before the group to begin with has had its turn.
        select n >= case when leads_to_start and scanned.lane = lane_end and scanned.priority = priority_end
          then 1 else $2 end as enough
      ) so_far cross join lateral (
        select e.type, e.lane, e.priority, e."group", e.due_at, e.id from tem.event e
          where e.due_at is not null and e.type = scanned.type
            and (e.lane, e.priority, e."group", e.due_at, e.id) > (
              scanned.lane, (scanned.priority + enough::int)::smallint, case when enough then '' else scanned."group" end,
              case when enough then timestamptz '-infinity' else timestamptz 'infinity' end, uuid '${FIRST_ID}')
            and (e.lane, e.priority, e."group") < (lane_end, priority_end, group_end)
          order by e.lane, e.priority, e."group", e.due_at, e.id limit 1
      ) next
  ), found as (
    select type, lane, priority, "group", due_at, id, n >= $2 as is_end from scanned
      where id is not null and not (leads_to_start and lane = lane_end and priority = priority_end)
    union all
    select first.*, false from positioned p cross join lateral (
      select e.type, e.lane, e.priority, e."group", e.due_at, e.id from tem.event e
        where e.due_at is not null and e.type = p.type and e.lane = p.lane and e.priority = p.priority
          and e."group" = p."group" and (e.due_at, e.id) >= (p.from_at, p.from_id)
        order by e.due_at, e.id limit 1
    ) first
  ), judged as (
    select *, extract(epoch from due_at - clock_timestamp())::float8 * 1000 as due_in_ms from found
  ), ranked as (
    select *, row_number() over (
      partition by type, lane, due_in_ms <= 0 order by case when due_in_ms > 0 then due_at end) as nth
    from judged
  )
  select type, lane, priority, "group", due_at::text as "from", id as "fromId", due_in_ms as "dueInMs", "asOf",
    is_end as "isEnd", count
  from (select statement_timestamp()::text as "asOf", (select count(*)::int from found)) as look
    left join ranked on due_in_ms <= 0 or nth <= ${NEXT_LANES_MAX} or is_end
  order by type, lane, priority, "group"`;
