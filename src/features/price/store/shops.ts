// Shops, and what all workers know of those that are left alone.

import type { Database } from './database.ts';

export type Adapter = 'json' | 'html' | 'module';

export interface Shop {
  id: string;
  name: string;
  adapter: Adapter;
  ratePerMinute: number;
  maxInFlight: number;
  timeoutMs: number;
  settings: Record<string, string>;
  locale: string | null;
  robots: boolean;
}

export interface BreakerRow {
  shop: string;
  failures: number;
  opens: number;
  /** Milliseconds from now; 0 or less when the time is over, null while closed. */
  openForMs: number | null;
  reason: string | null;
}

export type ShopRow = Shop & {
  openUntil: Date | null;
  reason: string | null;
  opens: number | null;
  /** Checks that were written within the last minute or two, by the minute. */
  perMinute: number;
};

const COLUMNS = `s.id, s.name, s.adapter, s.rate_per_minute as "ratePerMinute", s.max_in_flight as "maxInFlight",
  s.timeout_ms as "timeoutMs", s.settings, s.locale, s.robots`;

/** True when it is new. */
export async function putShop(database: Database, shop: Shop): Promise<boolean> {
  const { rows } = await database.query<{ created: boolean }>(
    `insert into tem.price_shop as s (id, name, adapter, rate_per_minute, max_in_flight, timeout_ms, settings, locale, robots)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (id) do update set name = excluded.name, adapter = excluded.adapter,
       rate_per_minute = excluded.rate_per_minute, max_in_flight = excluded.max_in_flight,
       timeout_ms = excluded.timeout_ms, settings = excluded.settings, locale = excluded.locale, robots = excluded.robots,
       updated_at = clock_timestamp()
     returning xmax = 0 as created`,
    [
      shop.id,
      shop.name,
      shop.adapter,
      shop.ratePerMinute,
      shop.maxInFlight,
      shop.timeoutMs,
      JSON.stringify(shop.settings),
      shop.locale,
      shop.robots,
    ],
  );
  return rows[0]?.created === true;
}

/** In the order of their ids, after `after`; or those named. */
export async function readShops(
  database: Database,
  { ids, after, limit }: { ids?: readonly string[]; after?: string | undefined; limit?: number },
): Promise<ShopRow[]> {
  const { rows } = await database.query<ShopRow>(
    `select ${COLUMNS}, b.open_until as "openUntil", b.reason, b.opens,
       (select coalesce(max(m.checks), 0)::int from tem.price_minute m
         where m.shop = s.id and m.minute >= date_trunc('minute', now() - interval '1 minute')) as "perMinute"
     from tem.price_shop s left join tem.price_breaker b on b.shop = s.id
     where ($1::text[] is null or s.id = any($1)) and ($2::text is null or s.id > $2) order by s.id limit $3`,
    [ids ?? null, after ?? null, limit ?? null],
  );
  return rows;
}

/** Those of them that a person has paused: the flow ('price', shop), or that of all shops. */
export async function pausedShops(database: Database, shops: readonly string[]): Promise<string[]> {
  const { rows } = await database.query<{ shop: string }>(
    `select s.shop from unnest($1::text[]) as s(shop) where exists (
       select from tem.flow f where f.type = 'price' and f.paused and f."group" in (s.shop, ''))`,
    [shops],
  );
  return rows.map(({ shop }) => shop);
}

export async function readLocales(database: Database): Promise<Map<string, string | undefined>> {
  const { rows } = await database.query<{ id: string; locale: string | null }>('select id, locale from tem.price_shop');
  return new Map(rows.map(({ id, locale }) => [id, locale ?? undefined]));
}

/** Of all shops that aren't well. */
export async function readBreakers(database: Database): Promise<BreakerRow[]> {
  const { rows } = await database.query<BreakerRow>(
    `select shop, failures, opens, reason,
       (extract(epoch from open_until - clock_timestamp()) * 1000)::float8 as "openForMs" from tem.price_breaker`,
  );
  return rows;
}

/** Opens a shop's breaker for `forMs`, or longer if somebody else has heard of a later time. */
export async function openBreaker(database: Database, shop: string, forMs: number, reason: string): Promise<void> {
  await database.query(
    `insert into tem.price_breaker as b (shop, opens, open_until, reason)
     values ($1, 1, clock_timestamp() + $2 * interval '1 ms', $3)
     on conflict (shop) do update set
       -- Answers to requests of the same moment are one opening.
       opens = case when b.open_until > clock_timestamp() then b.opens else b.opens + 1 end,
       open_until = greatest(b.open_until, excluded.open_until), reason = excluded.reason, failures = 0,
       probe_until = null, changed_at = clock_timestamp()`,
    [shop, forMs, reason],
  );
}

/** Takes the one probe of an open breaker whose time is over. */
export async function takeProbe(database: Database, shop: string, forMs: number): Promise<boolean> {
  const { rowCount } = await database.query(
    `update tem.price_breaker set probe_until = clock_timestamp() + $2 * interval '1 ms'
     where shop = $1 and open_until <= clock_timestamp() and (probe_until is null or probe_until < clock_timestamp())`,
    [shop, forMs],
  );
  return rowCount === 1;
}

export async function closeBreaker(database: Database, shop: string): Promise<void> {
  await database.query('delete from tem.price_breaker where shop = $1', [shop]);
}

/** What an origin's robots.txt said, while that is fresh. */
export async function readRobots(database: Database, origin: string): Promise<string | undefined> {
  const { rows } = await database.query<{ rules: string }>(
    'select rules from tem.price_robots where origin = $1 and expires_at > clock_timestamp()',
    [origin],
  );
  return rows[0]?.rules;
}

export async function writeRobots(database: Database, origin: string, rules: string, keptMs: number): Promise<void> {
  await database.query(
    `insert into tem.price_robots (origin, rules, expires_at) values ($1, $2, clock_timestamp() + $3 * interval '1 ms')
     on conflict (origin) do update set rules = excluded.rules, fetched_at = clock_timestamp(), expires_at = excluded.expires_at`,
    [origin, rules, keptMs],
  );
}
