// The rows of flows: limits that people set, and what workers have reserved of them. One statement reserves of many flows,
// and each row is locked while it is judged, so that two workers never get the same instant or place.

import type { Pool } from 'pg';
import { type Flow, PERIOD_MS, type RatePer, SLACK_MS, STRETCH_MS } from './rules.ts';

export const FLOW_CHANNEL = 'tem_flow';

export interface FlowRow extends Flow {
  type: string;
  /** '' for all of the type. */
  group: string;
}

interface Stored {
  type: string;
  group: string;
  paused: boolean;
  maxInFlight: number | null;
  rateLimit: number | null;
  ratePer: RatePer | null;
}

const COLUMNS = `f.type, f."group", f.paused, f.max_in_flight as "maxInFlight", f.rate_limit as "rateLimit",
  f.rate_per as "ratePer"`;

function flowOf({ type, group, paused, maxInFlight, rateLimit, ratePer }: Stored): FlowRow {
  const rate = rateLimit === null || ratePer === null ? null : { limit: rateLimit, per: ratePer };
  return { type, group, paused, maxInFlight, rate };
}

export async function flowRevision(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ revision: string }>({
    name: 'flow-revision',
    text: 'select flow_revision::text as revision from tem.ledger',
  });
  return rows[0]?.revision ?? '0';
}

/** All of them, with the revision that they are of. */
export async function readFlows(pool: Pool): Promise<{ revision: string; flows: FlowRow[] }> {
  const { rows } = await pool.query<Stored & { revision: string }>(
    `select l.flow_revision::text as revision, ${COLUMNS} from tem.ledger l left join tem.flow f on true`,
  );
  return { revision: rows[0]?.revision ?? '0', flows: rows.filter((row) => row.type !== null).map(flowOf) };
}

export async function getFlow(pool: Pick<Pool, 'query'>, type: string, group: string): Promise<FlowRow | undefined> {
  const { rows } = await pool.query<Stored>(`select ${COLUMNS} from tem.flow f where f.type = $1 and f."group" = $2`, [
    type,
    group,
  ]);
  return rows[0] && flowOf(rows[0]);
}

/** Whether any flow is set under this name: a feature may have one for its own calls. */
export async function isFlowType(pool: Pool, type: string): Promise<boolean> {
  const { rows } = await pool.query('select from tem.flow where type = $1 limit 1', [type]);
  return rows.length > 0;
}

/** In order of type and group, after `after`. */
export async function listFlows(
  pool: Pool,
  limit: number,
  after?: { type: string; group: string },
): Promise<{ rows: FlowRow[]; more: boolean }> {
  const { rows } = await pool.query<Stored>(
    `select ${COLUMNS} from tem.flow f where $2::text is null or (f.type, f."group") > ($2, $3)
     order by f.type, f."group" limit $1 + 1`,
    [limit, after?.type ?? null, after?.group ?? null],
  );
  return { rows: rows.slice(0, limit).map(flowOf), more: rows.length > limit };
}

/**
 * Sets a flow's limits. What is reserved under the old rate stays reserved, but a next instant that lay far ahead under a
 * slow rate comes as soon as the new one allows.
 */
export async function putFlow(
  pool: Pick<Pool, 'query'>,
  { type, group, paused, maxInFlight, rate }: FlowRow,
): Promise<void> {
  await pool.query(
    `insert into tem.flow as f (type, "group", paused, max_in_flight, rate_limit, rate_per)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (type, "group") do update set paused = excluded.paused, max_in_flight = excluded.max_in_flight,
       rate_limit = excluded.rate_limit, rate_per = excluded.rate_per, updated_at = clock_timestamp(),
       next_free = least(f.next_free, greatest(clock_timestamp(),
         f.next_free - ${SPACING('f.rate_limit', 'f.rate_per')} * interval '1 ms'
           + coalesce(${SPACING('excluded.rate_limit', 'excluded.rate_per')}, 0) * interval '1 ms'))`,
    [type, group, paused, maxInFlight, rate?.limit ?? null, rate?.per ?? null],
  );
}

/** Whether there was one. */
export async function deleteFlow(pool: Pick<Pool, 'query'>, type: string, group: string): Promise<boolean> {
  const { rowCount } = await pool.query('delete from tem.flow where type = $1 and "group" = $2', [type, group]);
  return rowCount === 1;
}

/** The groups of events, '' for none; those that aren't in the ledger are left out. */
export async function groupsOf(pool: Pool, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; group: string }>({
    name: 'groups-of',
    text: 'select id, "group" from tem.event where id = any($1::uuid[])',
    values: [ids],
  });
  return new Map(rows.map(({ id, group }) => [id, group]));
}

export interface Reservation {
  type: string;
  group: string;
  /** Instants: as many as the first call needs, and as many as all would. */
  instantsMin: number;
  instants: number;
  /** The first one lies no nearer than `leadMs`, and no further ahead than `aheadMs` beyond that, else none are reserved. */
  aheadMs: number;
  leadMs: number;
  /** Places in flight that this worker uses, and how many more it wants. */
  used: number;
  wanted: number;
}

export interface Reserved {
  type: string;
  group: string;
  /** Of the ledger's clock, in milliseconds of Unix time; where the first of `instants` lies, or would have. */
  nowMs: number;
  fromMs: number;
  instants: number;
  /** Places that this worker has from now on, with those that it uses. */
  places: number;
}

/** Reserves of several flows; those that are gone are left out of the answer. */
export async function reserve(pool: Pool, workerId: string, wanted: readonly Reservation[]): Promise<Reserved[]> {
  const { rows } = await pool.query<Reserved>({
    name: 'flow-reserve',
    text: RESERVE,
    values: [
      wanted.map((each) => each.type),
      wanted.map((each) => each.group),
      wanted.map((each) => each.instantsMin),
      wanted.map((each) => each.instants),
      wanted.map((each) => each.aheadMs),
      wanted.map((each) => each.leadMs),
      wanted.map((each) => each.used),
      wanted.map((each) => each.wanted),
      workerId,
    ],
  });
  return rows;
}

function SPACING(limit: string, per: string): string {
  const [second, minute] = [PERIOD_MS.second + SLACK_MS.second, PERIOD_MS.minute + SLACK_MS.minute];
  return `(case ${per} when 'second' then ${second}::float8 when 'minute' then ${minute}::float8 end / ${limit})`;
}

// A clock that was set back must not leave a flow shut until it has caught up: no call is charged more than two periods.
const RESERVE = `
  with input as (
    select * from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::float8[], $6::float8[], $7::int[], $8::int[])
      as i(type, "group", instants_min, instants, ahead_ms, lead_ms, used, wanted)
  ), locked as materialized (
    select i.*, f.max_in_flight, f.next_free, f.held, ${SPACING('f.rate_limit', 'f.rate_per')} as spacing_ms, f.rate_limit
    from tem.flow f join input i on f.type = i.type and f."group" = i."group"
    order by f.type, f."group" for update of f
  ), seen as materialized (
    select l.*, clock_timestamp() as now, coalesce(live.held, '{}') as others, coalesce(live.places, 0)
      + case when l.max_in_flight is null then 0 else tem.runs_in_flight(l.type, l."group", l.max_in_flight) end as others_places
    from locked l left join lateral (
      select jsonb_object_agg(h.key, h.value) as held, sum(h.value::int)::int as places
      from jsonb_each_text(l.held) h
        join tem.worker w on w.id = h.key::uuid and w.lease_until > clock_timestamp()
      where h.key <> $9::text
    ) live on true
  ), placed as materialized (
    select s.*, greatest(least(next_free, now + 2 * rate_limit * spacing_ms * interval '1 ms'), now + lead_ms * interval '1 ms')
        as from_at,
      case when max_in_flight is null then 0 else greatest(used, least(used + wanted, max_in_flight - others_places)) end as places
    from seen s
  ), granted as materialized (
    select p.*, case when spacing_ms is null or instants = 0 or from_at > now + (lead_ms + ahead_ms) * interval '1 ms' then 0
      else least(instants, greatest(instants_min, floor(least(${STRETCH_MS}, ahead_ms) / spacing_ms)))::int end as taken
    from placed p
  ), written as (
    update tem.flow f set
      next_free = case when g.taken > 0 then g.from_at + g.taken * g.spacing_ms * interval '1 ms' else f.next_free end,
      held = case when g.places > 0 then g.others || jsonb_build_object($9::text, g.places) else g.others end
    from granted g where f.type = g.type and f."group" = g."group"
      and (g.taken > 0 or f.held is distinct from
        case when g.places > 0 then g.others || jsonb_build_object($9::text, g.places) else g.others end)
  )
  select type, "group", extract(epoch from now)::float8 * 1000 as "nowMs", taken as instants, places,
    extract(epoch from coalesce(from_at, now))::float8 * 1000 as "fromMs"
  from granted`;
