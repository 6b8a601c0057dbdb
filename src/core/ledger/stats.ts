// Figures over the whole ledger, at the same cost however large it is: what is few is counted, and what is many is told
// from Postgres's statistics, and said to be. They are kept for a while: at least a second, and longer the longer it took
// to read them. When that fails, the last answer stays, with its time, and the next try waits.

import type { Pool, PoolClient } from 'pg';
import { LedgerUnavailable } from '../errors.ts';
import { within } from '../within.ts';
import { readDurations, type TypeDurations } from './durations.ts';
import { readWithin } from './pool.ts';
import { type EventState, STATES } from './states.ts';

export type StateCounts = Record<EventState, number>;

export interface Stats {
  /** When the figures were read, RFC 3339. */
  at: string;
  states: StateCounts;
  types: Record<string, StateCounts>;
  /** Of which types which counts are estimates, because they are large. */
  estimated: Record<string, EventState[]>;
  rates: {
    /** Over the last minute. */
    acceptedPerSecond: number;
    processedPerSecond: number;
  };
  oldest: {
    /** The age of the unfinished event that has been due for longest, in ms; null when none is due. */
    dueAgeMs: number | null;
  };
  /** By type: what was processed in the last hour. */
  durations: Record<string, TypeDurations>;
  workers: { alive: number; stopping: number };
}

export interface StatsReader {
  /** Figures that are about a second old, more on a large ledger or a slow one. Throws LedgerUnavailable without any. */
  read(): Promise<Stats>;
}

export interface StatsOptions {
  /** Up to so many events of one type and state are counted. */
  countedMax?: number;
  /** The longest that one statement of a reading may take. */
  withinMs?: number;
  /** How long one who asks waits for a reading while there is an older answer. */
  patienceMs?: number;
}

const FRESH_FOR_MS = 1_000;
/** A reading may take one part in this many of the time, also one that fails. */
const TIME_SHARE = 20;
/** The same where counts are too large to be counted: an open overview takes less than a hundredth of a processor. */
const TIME_SHARE_LARGE = 120;
const REST_MS_MAX = 300_000;
const RATE_WINDOW_S = 60;
const COUNTED_MAX = 50_000;
/** Of one type within the window of rates. */
const RECENT_MAX = 500_000;
const LANES_MAX = 10_000;
const RUNNING_MAX = 1_000;
const READ_WITHIN_MS = 8_000;
const PATIENCE_MS = 1_000;

const TYPES = `
  types as (
    (select type from tem.event order by type limit 1)
    union all
    select next.type from types t cross join lateral (
      select e.type from tem.event e where e.type > t.type order by e.type limit 1) next
  )`;
// Of the pairs that are known to be large only whether they still are there.
const COUNTS = `
  with recursive ${TYPES}
  select t.type, s.state, c.count::float8 as count from types t
    cross join unnest($1::text[]) as s(state)
    left join unnest($2::text[], $3::text[]) as l(type, state) on l.type = t.type and l.state = s.state
    cross join lateral (
      select count(*) from (
        select from tem.event e where e.type = t.type and e.state = s.state
          limit case when l.type is null then $4::bigint + 1 else 1 end) counted
    ) c
  where c.count > 0`;
const ESTIMATE = 'explain (format json) select from tem.event where type = $1 and state = $2';
const RATES = `
  with recursive ${TYPES}
  select coalesce(sum(a.count), 0)::float8 as accepted, coalesce(sum(p.count), 0)::float8 as processed from types t
    cross join lateral (
      select count(*) from (
        select from unnest($1::text[]) as s(state) cross join lateral (
          select from tem.event e where e.type = t.type and e.state = s.state
            and e.created_at > now() - interval '${RATE_WINDOW_S} s' limit ${RECENT_MAX}) one) counted
    ) a cross join lateral (
      select count(*) from (
        select from tem.event e where e.type = t.type and e.state = 'PROCESSED' and not e.pruned
          and e.updated_at > now() - interval '${RATE_WINDOW_S} s' limit ${RECENT_MAX}) counted
    ) p`;
// The first of each lane of the queue, and what runs for longest.
const DUE_AGE = `
  with recursive lanes as (
    (select type, lane, priority, "group", id, 1 as n from tem.event where due_at is not null
      order by type, lane, priority, "group", due_at, id limit 1)
    union all
    select next.*, l.n + 1 from lanes l cross join lateral (
      select e.type, e.lane, e.priority, e."group", e.id from tem.event e where e.due_at is not null
        and (e.type, e.lane, e.priority, e."group") > (l.type, l.lane, l.priority, l."group")
        order by e.type, e.lane, e.priority, e."group", e.due_at, e.id limit 1) next
    where l.n < ${LANES_MAX}
  ), ${TYPES}, waiting as (
    select e.* from lanes l join tem.event e on e.id = l.id
    union all
    select one.* from types t cross join lateral (
      select * from tem.event e where e.type = t.type and e.state = 'PROCESSING' order by e.created_at, e.id limit ${RUNNING_MAX}) one
  )
  select extract(epoch from now() - min(greatest(run_at, created_at)) filter (
      where state = 'QUEUED' and run_at <= now() or state = 'PROCESSING'
        or state = 'FAILED' and coalesce(next_retry_at, now()) <= now()))::float8 * 1000 as "dueAgeMs"
  from waiting`;
const WORKERS = `
  select count(*) filter (where not stopping)::int as alive, count(*) filter (where stopping)::int as stopping
  from tem.worker where lease_until > clock_timestamp()`;

/** The events of a type in a state. */
export interface Pair {
  type: string;
  state: EventState;
  count: number;
  estimated: boolean;
}

const NOT_YET = new LedgerUnavailable('the figures could not be read just now');

export function createStatsReader(
  pool: Pool,
  { countedMax = COUNTED_MAX, withinMs = READ_WITHIN_MS, patienceMs = PATIENCE_MS }: StatsOptions = {},
): StatsReader {
  let large: readonly Pair[] = [];
  let kept: Stats | undefined;
  let restsUntil = 0;
  let reading: Promise<Stats> | undefined;

  const read = async (): Promise<Stats> => {
    const startedAt = performance.now();
    try {
      const figures = await readWithin(pool, withinMs, (client) => readFigures(client, large, countedMax));
      large = figures.large;
      kept = figures.stats;
      return kept;
    } finally {
      const share = large.length > 0 ? TIME_SHARE_LARGE : TIME_SHARE;
      const restMs = Math.min((performance.now() - startedAt) * share, REST_MS_MAX);
      restsUntil = performance.now() + Math.max(FRESH_FOR_MS, restMs);
    }
  };

  return {
    async read() {
      if (!reading && performance.now() >= restsUntil) {
        reading = read().finally(() => {
          reading = undefined;
        });
        reading.catch(() => {});
      }
      const older = kept;
      if (older) return reading ? within(patienceMs, reading, () => NOT_YET).catch(() => older) : older;
      if (!reading) throw NOT_YET;
      return within(withinMs, reading, () => NOT_YET);
    },
  };
}

/** The figures as they are now. `known`: the pairs that were large the last time; what may have become few is counted. */
export async function readFigures(
  client: Pool | PoolClient,
  known: readonly Pair[],
  countedMax: number,
): Promise<{ stats: Stats; large: Pair[] }> {
  const pairs = await readPairs(client, known, countedMax);
  const rates = await client.query<Record<'accepted' | 'processed', number>>(RATES, [STATES]);
  const oldest = await client.query<{ dueAgeMs: number | null }>(DUE_AGE);
  const workers = await client.query<Stats['workers']>(WORKERS);
  const stats: Stats = {
    ...summarize(pairs),
    rates: {
      acceptedPerSecond: perSecond(rates.rows[0]?.accepted ?? 0),
      processedPerSecond: perSecond(rates.rows[0]?.processed ?? 0),
    },
    oldest: { dueAgeMs: rounded(oldest.rows[0]?.dueAgeMs ?? null) },
    durations: await readDurations(client),
    workers: workers.rows[0] ?? { alive: 0, stopping: 0 },
  };
  return { stats, large: pairs.filter(({ estimated, count }) => estimated && count > countedMax) };
}

async function readPairs(client: Pool | PoolClient, known: readonly Pair[], countedMax: number): Promise<Pair[]> {
  const names = [known.map(({ type }) => type), known.map(({ state }) => state)];
  const { rows } = await client.query<Pair>(COUNTS, [STATES, ...names, countedMax]);
  const isKnown = ({ type, state }: Pair): boolean => known.some((each) => each.type === type && each.state === state);
  const pairs: Pair[] = [];
  for (const row of rows) {
    const estimated = row.count > countedMax || isKnown(row);
    const count = estimated ? Math.max(await estimate(client, row), row.count) : row.count;
    pairs.push({ ...row, count, estimated });
  }
  return pairs;
}

/** How many events of a type and state Postgres expects from its statistics. */
async function estimate(client: Pool | PoolClient, { type, state }: Pick<Pair, 'type' | 'state'>): Promise<number> {
  const { rows } = await client.query<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] }>(ESTIMATE, [type, state]);
  return rows[0]?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
}

const none = (): StateCounts => ({ QUEUED: 0, PROCESSING: 0, PROCESSED: 0, FAILED: 0, EXTINCT: 0, CANCELLED: 0 });

function summarize(pairs: readonly Pair[]): Pick<Stats, 'at' | 'states' | 'types' | 'estimated'> {
  const states = none();
  const types = new Map<string, StateCounts>();
  const estimated = new Map<string, EventState[]>();
  for (const pair of pairs) {
    states[pair.state] += pair.count;
    const ofType = types.get(pair.type) ?? none();
    ofType[pair.state] += pair.count;
    types.set(pair.type, ofType);
    if (pair.estimated) estimated.set(pair.type, [...(estimated.get(pair.type) ?? []), pair.state]);
  }
  return {
    at: new Date().toISOString(),
    states,
    types: Object.fromEntries(types),
    estimated: Object.fromEntries(estimated),
  };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}

function perSecond(count: number): number {
  return Math.round((count / RATE_WINDOW_S) * 100) / 100;
}
