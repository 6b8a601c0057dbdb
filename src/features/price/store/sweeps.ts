// Sweeps as rows: which tiers a sweep has, what was due when it began, how far it is, and whether a person has paused it.
// Decided here, so that two sweeps never have the same tier, whatever started them.

import type { Pool } from 'pg';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import type { Database } from './database.ts';

export interface SweepRow {
  id: string;
  tiers: string[];
  state: 'running' | 'paused' | 'done' | 'skipped' | 'cancelled';
  asOf: Date;
  due: number;
  checked: number;
  changed: number;
  failed: number;
  detail: string | null;
  startedAt: Date;
  endedAt: Date | null;
  elapsedMs: number;
}

const ENDED = `('PROCESSED', 'EXTINCT', 'CANCELLED')`;
const DUE_COUNT = `(select count(*) from tem.price_product p
  where p.tier = any($2::smallint[]) and p.next_check_at <= clock_timestamp())`;

/** Takes the tiers that no other sweep has; resolves to why there are none. A sweep that began before goes on. */
export async function beginSweep(
  pool: Pool,
  sweep: string,
  wanted: { tier?: string | undefined },
): Promise<{ skipped: string | undefined }> {
  return inTransaction(pool, async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtext('tem.price_sweep'))`);
    const { rowCount } = await client.query(
      `update tem.price_sweep set state = case when state = 'paused' then state else 'running' end, ended_at = null
       where id = $1 and state <> 'skipped'`,
      [sweep],
    );
    if (rowCount === 1) return { skipped: undefined };
    const { rows } = await client.query<{ position: number; tier: string; holder: string | null }>(
      `select t.position, t.tier, (
         select w.id from tem.price_sweep w join tem.event e on e.id = w.id
         where t.position = any(w.tiers) and w.state in ('running', 'paused') and w.id <> $1 and e.state not in ${ENDED} limit 1
       ) as holder from tem.price_tier t where $2::text is null or t.tier = $2 order by t.position`,
      [sweep, wanted.tier ?? null],
    );
    const free = rows.filter(({ holder }) => holder === null).map(({ position }) => position);
    const held = rows.flatMap(({ tier, holder }) => (holder === null ? [] : [`${tier} belongs to sweep ${holder}`]));
    const detail = held.length === 0 ? null : held.join('; ');
    await client.query(
      `insert into tem.price_sweep (id, tiers, state, due, detail, ended_at)
       values ($1, $2::smallint[], $3, ${DUE_COUNT}, $4, case when $3 = 'skipped' then clock_timestamp() end)
       on conflict (id) do nothing`,
      [sweep, free, free.length === 0 ? 'skipped' : 'running', detail],
    );
    return { skipped: free.length === 0 ? (detail ?? 'there is no such tier') : undefined };
  });
}

/** What a slice must know, and whether it may go on. */
export interface SweepNow {
  tiers: number[];
  asOf: string;
  state: SweepRow['state'];
  /** It has had the interval of its tiers, of several the longest: what is left is the next one's. */
  timeIsOver: boolean;
}

const TIME_IS_OVER = `w.started_at + (select max(t.every) from tem.price_tier t where t.position = any(w.tiers)) <= clock_timestamp()`;

export async function readSweep(database: Database, sweep: string): Promise<SweepNow | undefined> {
  const { rows } = await database.query<SweepNow>(
    `select w.tiers, w.as_of::text as "asOf", w.state, coalesce(${TIME_IS_OVER}, false) as "timeIsOver"
     from tem.price_sweep w where w.id = $1`,
    [sweep],
  );
  return rows[0];
}

/** Shops with something due in the sweep, each with how much of it there is, up to `countMax`. */
export async function shopsDue(
  database: Database,
  { sweep, without, limit, countMax }: { sweep: string; without: readonly string[]; limit: number; countMax: number },
): Promise<{ shop: string; due: number }[]> {
  const { rows } = await database.query<{ shop: string; due: number }>(SHOPS_DUE, [sweep, without, limit, countMax]);
  return rows;
}

export const SHOPS_DUE = `
  select s.id as shop, n.due from tem.price_sweep w cross join tem.price_shop s cross join lateral (
    select count(*)::int as due from (
      select from unnest(w.tiers) as t(tier) cross join lateral (
        select from tem.price_product p where p.tier = t.tier and p.shop = s.id and p.next_check_at <= w.as_of limit $4
      ) p limit $4
    ) q
  ) n where w.id = $1 and ${TIME_IS_OVER} is not true and n.due > 0 and not s.id = any($2::text[]) order by s.id limit $3`;

export async function endSweep(
  database: Database,
  sweep: string,
  { cancelled, left }: { cancelled: boolean; left: readonly string[] },
): Promise<SweepRow | undefined> {
  await database.query(
    `update tem.price_sweep w set state = $2, ended_at = clock_timestamp(), detail = nullif(concat_ws('; ', detail, $3::text,
       case when $2 = 'done' and ${TIME_IS_OVER} and checked < due then 'its time was over, the rest is left for the next sweep' end), '')
     where id = $1 and ended_at is null`,
    [
      sweep,
      cancelled ? 'cancelled' : 'done',
      left.length === 0 ? null : `left for the next sweep: ${left.join(', ')}`.slice(0, 2_000),
    ],
  );
  return (await listSweeps(database, { id: sweep, limit: 1 }))[0];
}

/** Whether there was one that could be. */
export async function pauseSweep(database: Database, sweep: string, paused: boolean): Promise<boolean> {
  const { rowCount } = await database.query(
    `update tem.price_sweep set state = $2 where id = $1 and state in ('running', 'paused')`,
    [sweep, paused ? 'paused' : 'running'],
  );
  return rowCount === 1;
}

/** Newest first, below the id `before`; or the one named. */
export async function listSweeps(
  database: Database,
  { id, before, limit }: { id?: string; before?: string | undefined; limit: number },
): Promise<SweepRow[]> {
  const { rows } = await database.query<SweepRow>(
    `select w.id, array(select t.tier from tem.price_tier t where t.position = any(w.tiers) order by t.position) as tiers,
       case when e.state in ${ENDED} and w.ended_at is null then 'cancelled' else w.state end as state,
       w.as_of as "asOf", w.due::float8 as due, w.checked::float8 as checked, w.changed::float8 as changed,
       w.failed::float8 as failed, w.detail, w.started_at as "startedAt", w.ended_at as "endedAt",
       (extract(epoch from coalesce(w.ended_at, clock_timestamp()) - w.started_at) * 1000)::float8 as "elapsedMs"
     from tem.price_sweep w left join tem.event e on e.id = w.id
     where ($1::uuid is null or w.id = $1) and ($2::uuid is null or w.id < $2) order by w.id desc limit $3`,
    [id ?? null, before ?? null, limit],
  );
  return rows;
}

export interface Statistics {
  byTier: Record<string, number>;
  due: number;
  overdue: number;
  checksPerSecond: number;
  successRate: number | null;
  meanDurationMs: number | null;
}

/** Overdue is what should have been checked an interval of its tier ago. Rates are those of the last full minutes. */
export async function readStatistics(database: Database): Promise<Statistics> {
  const { rows } = await database.query<Statistics>(
    `select n."byTier", n.due, n.overdue, m."checksPerSecond", m."successRate", m."meanDurationMs" from (
       select coalesce(json_object_agg(c.tier, c.products), '{}') as "byTier", coalesce(sum(c.due), 0)::float8 as due,
         coalesce(sum(c.overdue), 0)::float8 as overdue
       from (
         select t.tier, count(p.id) as products, count(*) filter (where p.next_check_at <= now()) as due,
           count(*) filter (where p.next_check_at + t.every <= now()) as overdue
         from tem.price_tier t left join tem.price_product p on p.tier = t.position group by t.tier
       ) c
     ) n cross join (
       select round(coalesce(sum(checks), 0) / 300.0, 3)::float8 as "checksPerSecond",
         round(1 - sum(failures) / nullif(sum(checks), 0), 4)::float8 as "successRate",
         round(sum(duration_ms) / nullif(sum(checks), 0), 1)::float8 as "meanDurationMs"
       from tem.price_minute where minute > now() - interval '5 minutes'
     ) m`,
  );
  return rows[0] as Statistics;
}
