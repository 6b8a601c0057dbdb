-- Up Migration
-- The ledger: every accepted event, its state and how it came there. See docs/event-states.md for the states and
-- ARCHITECTURE.md for who writes what.

create schema if not exists tem;

-- One row. `id` names this database to workers and workflows; `temporal_namespace_id` tells when Temporal was emptied.
create table tem.ledger (
  singleton boolean primary key default true check (singleton),
  id uuid not null default gen_random_uuid(),
  temporal_namespace_id text,
  -- When a turn of the reconciler last began, and when one last did all of its steps.
  reconciled_at timestamptz,
  reconciled_whole_at timestamptz,
  -- Short hashes of the secrets that the process started last has, by the setting's name.
  secret_hashes jsonb not null default '{}',
  pruned_until uuid not null default '00000000-0000-0000-0000-000000000000',
  created_at timestamptz not null default now()
);
insert into tem.ledger default values;

-- A UUID of version 7: 48 bits of Unix milliseconds, then random bits. Postgres has its own only from 18 on.
create function tem.uuid_v7() returns uuid language sql volatile parallel safe as $$
  select encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
      52, 1), 53, 1),
    'hex')::uuid
$$;

create table tem.event (
  id uuid primary key default tem.uuid_v7(),
  type text not null,
  key text not null,
  payload jsonb not null,
  priority smallint not null default 3 check (priority between 1 and 5),
  "group" text not null default '',
  run_at timestamptz not null default now() check (isfinite(run_at)),
  state text not null default 'QUEUED'
    check (state in ('QUEUED', 'PROCESSING', 'PROCESSED', 'FAILED', 'EXTINCT', 'CANCELLED')),
  retry_count integer not null default 0,
  max_attempts integer,
  last_error text,
  next_retry_at timestamptz,
  locked_at timestamptz,
  version integer not null default 1,
  result jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  processed_at timestamptz,
  source text not null default 'sql',
  -- Who has it. An unfinished event either waits in the queue (due_at) or somebody must show progress (due_by).
  due_at timestamptz default now() check (isfinite(due_at)),
  due_by timestamptz,
  worker_id uuid,
  workflow_id text,
  generation integer not null default 0,
  epoch integer not null default 0,
  epoch_worker_id uuid,
  -- The generation of the run that the epoch was given to.
  epoch_generation integer,
  begun boolean not null default false,
  cancel_requested boolean not null default false,
  compensating boolean not null default false,
  compensation_error text,
  compensation_tries smallint not null default 0,
  crash_count smallint not null default 0,
  -- 0: may share a batch; 1: a workflow of its own; 2: quarantine, one at a time per worker.
  lane smallint not null default 0,
  pruned boolean not null default false,
  constraint event_type_key unique (type, key),
  constraint event_owned_or_queued check (
    num_nonnulls(due_at, due_by) = case when state in ('PROCESSED', 'EXTINCT', 'CANCELLED') then 0 else 1 end)
);
-- The hot end: claims look only here, and an event leaves it when it is claimed.
create index event_claim on tem.event (type, lane, priority, "group", due_at) where due_at is not null;
create index event_owned on tem.event (worker_id, due_by) where due_by is not null;
create index event_state on tem.event (state, id);

-- Every change of state after the first (the first, null -> QUEUED, is the row's created_at and source).
create table tem.transition (
  event_id uuid not null references tem.event on delete cascade,
  version integer not null,
  at timestamptz not null default clock_timestamp(),
  from_state text not null,
  to_state text not null,
  attempt integer,
  error text,
  actor text not null,
  primary key (event_id, version)
);

-- A worker process. It is alive while lease_until lies ahead; its rows are freed when it isn't.
create table tem.worker (
  id uuid primary key,
  started_at timestamptz not null default now(),
  lease_until timestamptz not null,
  host text not null,
  pid integer not null,
  task_queue text not null,
  types text[] not null,
  stopping boolean not null default false,
  -- What its relay has done since it started, written with each renewal of the lease.
  counters jsonb
);

-- What the code of the newest worker says about each type (GET /v1/event-types, and SQL that must know it).
create table tem.event_type (
  name text primary key,
  definition jsonb not null,
  max_attempts integer not null,
  compensates boolean not null,
  updated_at timestamptz not null default now(),
  -- When a live worker last had it, to the minute.
  last_seen_at timestamptz not null default now()
);

-- The bell: Unix milliseconds until which some relay sleeps. A sequence is read and written outside of snapshots and
-- leaves no dead rows, so asking it at every commit stays cheap for ever.
create sequence tem.bell as bigint minvalue 0 start 0;

create function tem.ring_now() returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  select setval('tem.bell', 0);
  select pg_notify('tem_due', '');
$$;

-- Runs at every commit that adds an event, so it is kept cheap: every name is qualified instead of setting search_path,
-- and pg_sequence_last_value (null until a relay first sleeps) is no query.
create function tem.ring() returns trigger language plpgsql security definer as $$
begin
  -- NOTIFY takes a database-wide lock at commit: ring only for a relay that sleeps, and only once.
  if pg_catalog.pg_sequence_last_value('tem.bell'::pg_catalog.regclass) operator(pg_catalog.>)
    (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) operator(pg_catalog.*) 1000) then
    perform tem.ring_now();
  end if;
  return null;
end $$;

-- Decided at commit (deferred), and for the first event of a transaction only: tem.accepted is set after it.
create constraint trigger event_ring after insert on tem.event deferrable initially deferred for each row
  when (current_setting('tem.accepted', true) is distinct from 'on') execute function tem.ring();

-- Whether every number of a payload keeps its value as a double, which is what a handler gets. HTTP refuses the others too.
create function tem.numbers_survive(payload jsonb) returns boolean language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp as $$
  select coalesce(bool_and(case
      when n.value = 0 then true
      when abs(n.value) not between 2.3e-308 and 1.7976931348623157e308 then false
      else n.value::float8::text::numeric = n.value end), true)
    from jsonb_path_query(payload, 'lax $.** ? (@.type() == "number")') as number(value),
      lateral (select (number.value #>> '{}')::numeric) as n(value)
$$;

-- Accepts an event inside the caller's transaction and returns its id; needs only execute on this function.
-- The same type and key with an equal payload returns the event that is there, with another payload raises TM409.
create function tem.enqueue(
  type text, payload jsonb, key text default null, priority integer default 3, "group" text default null,
  run_at timestamptz default null
) returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  new_id uuid;
  quiet text;
  existing record;
begin
  -- One statement for what is right and new: each further expression costs a commit of its own more than it looks.
  insert into tem.event (id, type, key, payload, priority, "group", run_at, due_at)
  select fresh.id, enqueue.type, coalesce(enqueue.key, fresh.id::text), enqueue.payload, enqueue.priority,
      coalesce(enqueue."group", ''), coalesce(enqueue.run_at, now()), coalesce(enqueue.run_at, now())
    from (select tem.uuid_v7() as id offset 0) fresh
    -- A counted repeat in the pattern would take longer than all of the other checks.
    where enqueue.type ~ '^[a-zA-Z][a-zA-Z0-9._-]*$' and octet_length(enqueue.type) <= 128
      and enqueue.payload is not null
      and (enqueue.payload::text !~ '[0-9][0-9.]{15}' or tem.numbers_survive(enqueue.payload))
      and (enqueue.key is null
        or octet_length(enqueue.key) between 1 and 512 and enqueue.key !~ '[\x01-\x1f\x7f-\x9f]')
      and enqueue.priority between 1 and 5
      and (enqueue."group" is null or octet_length(enqueue."group") <= 512)
      and (enqueue.run_at is null or isfinite(enqueue.run_at))
  on conflict on constraint event_type_key do nothing
  returning event.id, set_config('tem.accepted', 'on', true) into new_id, quiet;
  if new_id is not null then
    return new_id;
  end if;

  if enqueue.type is null or enqueue.type !~ '^[a-zA-Z][a-zA-Z0-9._-]{0,127}$' then
    raise exception 'type % must start with a letter and hold only letters, digits, dot, underscore and hyphen (at most 128)',
      coalesce(quote_literal(enqueue.type), 'null') using errcode = 'TM400';
  end if;
  if enqueue.payload is null then
    raise exception 'payload must not be null' using errcode = 'TM400', hint = 'Use ''null''::jsonb for a JSON null.';
  end if;
  if not tem.numbers_survive(enqueue.payload) then
    raise exception 'payload holds a number that a double does not hold exactly' using errcode = 'TM400',
      hint = 'Send it as a string.';
  end if;
  if octet_length(enqueue.key) not between 1 and 512 or enqueue.key ~ '[\x01-\x1f\x7f-\x9f]' then
    raise exception 'key must have 1 to 512 bytes and no control characters' using errcode = 'TM400';
  end if;
  if enqueue.priority is null or enqueue.priority not between 1 and 5 then
    raise exception 'priority must be 1 (first) to 5, not %', coalesce(enqueue.priority::text, 'null') using errcode = 'TM400';
  end if;
  if octet_length(enqueue."group") > 512 then
    raise exception 'group must have at most 512 bytes' using errcode = 'TM400';
  end if;
  if not isfinite(enqueue.run_at) then
    raise exception 'run_at must be a finite time' using errcode = 'TM400';
  end if;

  -- A pruned event keeps its key and a digest of its payload.
  select e.id, case when e.pruned then e.payload = to_jsonb(md5(enqueue.payload::text))
    else e.payload = enqueue.payload end as same into existing
    from tem.event e where e.type = enqueue.type and e.key = enqueue.key;
  if existing.same then
    return existing.id;
  end if;
  raise exception 'an event of type % with key % exists with another payload', enqueue.type, quote_literal(enqueue.key)
    using errcode = 'TM409', detail = 'event ' || existing.id, hint = 'Use another key, or send the same payload.';
end $$;
revoke execute on function tem.enqueue(text, jsonb, text, integer, text, timestamptz) from public;
