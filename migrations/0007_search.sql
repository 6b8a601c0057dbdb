-- Up Migration
-- Search sync: what TEM keeps beside the queue table in `public`, which the first mapping makes or takes over.

-- A table whose rows are documents of an index. `queue_name` is what the queue's rows call the table.
create table tem.search_mapping (
  id bigint generated always as identity primary key,
  table_schema text not null,
  table_name text not null,
  queue_name text not null unique,
  definition jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- What the verifier found last.
  verified_at timestamptz,
  verification jsonb,
  -- Why its documents can't be read just now, in Postgres's words; null while they can.
  trouble text,
  -- Where its comparison in the background goes on, with what it has found until there; null between two.
  comparison jsonb,
  unique (table_schema, table_name)
);

-- One concrete index on one target. All that are loading or live get every change.
create table tem.search_index (
  id bigint generated always as identity primary key,
  mapping_id bigint not null references tem.search_mapping on delete cascade,
  target text not null,
  name text not null,
  state text not null default 'loading' check (state in ('loading', 'live', 'kept', 'lost', 'cancelled')),
  -- Where the load is: everything up to this id is there; null before the first slice.
  cursor text[],
  loaded bigint not null default 0,
  total bigint,
  loaded_at timestamptz,
  live_at timestamptz,
  kept_until timestamptz,
  event_id uuid,
  verification jsonb,
  error text,
  created_at timestamptz not null default now(),
  unique (target, name)
);
create index search_index_mapping on tem.search_index (mapping_id);

-- A processor is alive while its lease lies ahead; its batches are free when it isn't.
create table tem.search_processor (
  id uuid primary key,
  lease_until timestamptz not null,
  host text not null,
  pid integer not null,
  started_at timestamptz not null default now()
);

-- What a processor has in hand. Whoever finds his batch gone has lost it, and marks nothing.
create table tem.search_batch (
  id uuid primary key,
  processor_id uuid not null,
  queue_ids text[] not null,
  -- Of every record, the table's queue name and its id: no other batch takes a record meanwhile.
  records text[] not null,
  claimed_at timestamptz not null default clock_timestamp()
);

-- "Record X changed", for one index: fan-outs, repairs, and what a target missed while it was away. Only processors write
-- here. `changes` tells a change that came while the record was being written.
create table tem.search_dirty (
  index_id bigint not null references tem.search_index on delete cascade,
  record_id text not null,
  changes bigint not null default 1,
  since timestamptz not null default clock_timestamp(),
  batch_id uuid,
  primary key (index_id, record_id)
);
create index search_dirty_waiting on tem.search_dirty (index_id, since) where batch_id is null;

-- Rows of a table that documents depend on: every document that joins `value` is to be written anew.
create table tem.search_fanout (
  id bigint generated always as identity primary key,
  mapping_id bigint not null references tem.search_mapping on delete cascade,
  -- The place of the dependency in the mapping's list.
  dependency integer not null,
  value text not null,
  -- The last record that the fan-out has reached.
  cursor text[],
  created_at timestamptz not null default clock_timestamp()
);

-- A table was emptied: what the index has and the table hasn't goes.
create table tem.search_sweep (
  id bigint generated always as identity primary key,
  mapping_id bigint not null references tem.search_mapping on delete cascade,
  created_at timestamptz not null default clock_timestamp()
);

-- One row: what holds for all processors.
create table tem.search_state (
  singleton boolean primary key default true check (singleton),
  paused boolean not null default false,
  paused_by text,
  paused_at timestamptz,
  -- `whole`: the queue keeps the changed rows. `marks`: only that they changed. `full`: not even that, so that every
  -- mapping is compared as a whole once there is room again.
  keeps text not null default 'whole' check (keeps in ('whole', 'marks', 'full')),
  -- Transactions before this one may not have seen that there is room again.
  compare_after xid8,
  queue_made_by_tem boolean not null default false,
  -- Rises with every change of mappings and indices.
  revision bigint not null default 1
);
insert into tem.search_state default values;

-- How processors see each target.
create table tem.search_target (
  name text primary key,
  reachable boolean not null,
  detail text,
  since timestamptz not null default clock_timestamp(),
  checked_at timestamptz not null default clock_timestamp(),
  -- When its nodes started, by node: a start forgets the versions of deletes.
  nodes jsonb not null default '{}'
);

-- Who changed what by hand.
create table tem.search_change (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  action text not null,
  detail jsonb
);

-- Versions of documents: drawn before the document is read (rule 24). Microseconds of the clock at its start, so that a
-- database restored from a backup doesn't fall behind the versions that the indices have.
create sequence tem.search_version as bigint;
select setval('tem.search_version', tem.clock_us()::bigint);

-- Follows the clock. Under a lock, and only far ahead: a version that was drawn meanwhile stays below.
create function tem.search_raise_version() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7817240024);
  perform setval('tem.search_version', tem.clock_us()::bigint)
    from tem.search_version v where tem.clock_us() > v.last_value + 1000000;
end $$;

-- A row as the queue keeps it, or null where it holds what no jsonb can: the application's write must not fail for it.
create function tem.search_row(changed anyelement) returns jsonb language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
begin
  return to_jsonb(changed);
exception when others then
  return null;
end $$;

-- What the queue keeps of a change, as tem.search_state says it, where triggers read it at next to no cost: 0 whole, 1 marks,
-- 2 full.
create sequence tem.search_keeps as bigint minvalue 0 start 0;
select setval('tem.search_keeps', 0);

-- Unix microseconds until which a processor sleeps, as tem.bell is for the relay.
create sequence tem.search_bell as bigint minvalue 0 start 0;
