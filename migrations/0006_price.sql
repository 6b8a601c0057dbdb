-- Up Migration
-- Price checks: shops, products, their prices over time, deals, and what sweeps and imports have done. Prices are exact
-- decimals with the digits that they were given with.

create table tem.price_shop (
  id text primary key,
  name text not null,
  adapter text not null check (adapter in ('json', 'html', 'module')),
  rate_per_minute integer not null,
  max_in_flight integer not null,
  timeout_ms integer not null,
  settings jsonb not null,
  locale text,
  -- Whether its robots.txt is obeyed.
  robots boolean not null default true,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

-- What all workers know of a shop that is left alone. A shop without a row is well.
create table tem.price_breaker (
  shop text primary key references tem.price_shop on delete cascade,
  failures integer not null default 0,
  opens integer not null default 0,
  -- Nobody asks the shop before this; null while it is closed.
  open_until timestamptz,
  reason text,
  -- Whoever holds the probe has until then.
  probe_until timestamptz,
  changed_at timestamptz not null default clock_timestamp()
);

-- robots.txt of an origin, shared by all workers.
create table tem.price_robots (
  origin text primary key,
  rules text not null,
  fetched_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);

-- The formula and the tiers are rows, so that they can be changed while everything runs.
create table tem.price_formula (
  singleton boolean primary key default true check (singleton),
  active_deal numeric(7,4) not null default 50,
  volatility numeric(7,4) not null default 0.30,
  popularity numeric(7,4) not null default 0.15,
  recency numeric(7,4) not null default 0.05,
  updated_at timestamptz not null default clock_timestamp()
);
insert into tem.price_formula default values;

create table tem.price_tier (
  tier text primary key,
  -- 1 is the most urgent; active deals belong to it whatever their priority.
  position smallint not null unique,
  min_priority numeric(7,4) not null,
  every interval not null check (every > '0')
);
insert into tem.price_tier values
  ('hourly', 1, 80, '1 hour'), ('3h', 2, 60, '3 hours'), ('6h', 3, 40, '6 hours'), ('12h', 4, 20, '12 hours'), ('daily', 5, 0, '24 hours');

create table tem.price_product (
  id text primary key,
  shop text not null references tem.price_shop,
  url text not null,
  title text,
  currency text,
  price numeric,
  price_currency text,
  popularity numeric(7,4) not null default 0,
  volatility numeric(7,4) not null default 0,
  -- As given, or because a deal was found.
  active_deal boolean not null default false,
  found_deal boolean not null default false,
  -- Points of the priority, which is their sum.
  deal_points numeric(7,4) not null default 0,
  volatility_points numeric(7,4) not null default 0,
  popularity_points numeric(7,4) not null default 0,
  recency_points numeric(7,4) not null default 0,
  tier smallint not null,
  next_check_at timestamptz not null default clock_timestamp(),
  last_checked_at timestamptz,
  -- Rises with every check that was written and every change of what is checked: a check that began before is not written.
  checks bigint not null default 0,
  etag text,
  error_code text,
  error_detail text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
) with (
  -- Room for the next check's row on the same page.
  fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_threshold = 5000
);
-- A sweep takes what is due of a tier and shop from here, and what it has checked leaves the range by itself.
create index price_product_due on tem.price_product (tier, shop, next_check_at, id);

create index price_product_new on tem.price_product (id) where last_checked_at is null and error_code is null;

create table tem.price_history (
  product text not null references tem.price_product on delete cascade,
  at timestamptz not null,
  price numeric not null,
  currency text,
  primary key (product, at)
);
-- For what thins it.
create index price_history_at on tem.price_history (at);

create table tem.price_deal_rule (
  id text primary key,
  kind text not null check (kind in ('below_median', 'lowest_ever')),
  -- By so much the price must be lower than the median, or than the lowest before.
  percent numeric(7,4) not null check (percent > 0 and percent < 100),
  enabled boolean not null default true
);
insert into tem.price_deal_rule values ('below-median', 'below_median', 10), ('lowest-ever', 'lowest_ever', 5);

create table tem.price_deal (
  id bigint generated always as identity primary key,
  product text not null references tem.price_product on delete cascade,
  rule text not null,
  price numeric not null,
  currency text,
  reference_price numeric not null,
  percent numeric(7,4) not null,
  found_at timestamptz not null default clock_timestamp(),
  -- When the price had left it again.
  ended_at timestamptz,
  -- Set when notifications have been made of it.
  told_at timestamptz
);
create index price_deal_product on tem.price_deal (product, found_at desc);
create index price_deal_untold on tem.price_deal (id) where told_at is null;

-- Who wants to hear of deals: a user's inbox, or a Telegram chat.
create table tem.price_subscription (
  id text primary key,
  "user" text,
  chat text,
  shop text,
  product text,
  min_percent numeric(7,4) not null default 0,
  constraint price_subscription_target check (num_nonnulls("user", chat) = 1)
);

-- One message per deal and chat ever: a row is written before the message goes.
create table tem.price_message (
  deal bigint not null references tem.price_deal on delete cascade,
  chat text not null,
  event uuid not null,
  sent_at timestamptz,
  primary key (deal, chat)
);

create table tem.price_sweep (
  -- The event's id.
  id uuid primary key,
  tiers smallint[] not null,
  -- What was due then is checked.
  as_of timestamptz not null default clock_timestamp(),
  state text not null default 'running' check (state in ('running', 'paused', 'done', 'skipped', 'cancelled')),
  due bigint not null default 0,
  checked bigint not null default 0,
  changed bigint not null default 0,
  failed bigint not null default 0,
  detail text,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
);

-- How checks went, by the minute and shop: for statistics, and pruned after some days.
create table tem.price_minute (
  minute timestamptz not null,
  shop text not null,
  checks bigint not null default 0,
  failures bigint not null default 0,
  duration_ms bigint not null default 0,
  primary key (minute, shop)
);

-- How far an import with a key has come: the same call again goes on from there.
create table tem.price_import (
  key text primary key,
  format text not null,
  lines bigint not null default 0,
  created bigint not null default 0,
  updated bigint not null default 0,
  rejected bigint not null default 0,
  done boolean not null default false,
  updated_at timestamptz not null default clock_timestamp()
);
create table tem.price_import_rejection (
  import text not null references tem.price_import on delete cascade,
  line bigint not null,
  code text not null,
  detail text not null,
  primary key (import, line)
);
