-- Up Migration
-- The ledger: every accepted event, its state and how it came there. See docs/event-states.md for the states and
-- ARCHITECTURE.md for who writes what.

create schema if not exists tem;

-- One row. `id` names this database to workers and workflows; `temporal_namespace_id` tells when Temporal was emptied.
create table tem.ledger (
  singleton boolean primary key default true check (singleton),
  id uuid not null default gen_random_uuid(),
  temporal_namespace_id text,
  -- When a loss of Temporal's database was noticed, until everything that it had is free.
  temporal_lost_at timestamptz,
  -- When a turn of the reconciler last began, and when one last did all of its steps.
  reconciled_at timestamptz,
  reconciled_whole_at timestamptz,
  -- Short hashes of the secrets that the process started last has, by the setting's name.
  secret_hashes jsonb not null default '{}',
  created_at timestamptz not null default now()
);
insert into tem.ledger default values;

-- Bodies that begin with `return` are read once, here: whatever search_path a caller has, they mean what they mean now.

-- A UUID of version 7: 48 bits of Unix milliseconds, then random bits. Postgres has its own only from 18 on.
create function tem.uuid_v7() returns uuid language sql volatile parallel safe
  return encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((date_part('epoch', clock_timestamp()) * 1000::float8)::bigint) from 3) from 1 for 6),
      52, 1), 53, 1),
    'hex')::uuid;

create table tem.event (
  id uuid primary key default tem.uuid_v7(),
  type text not null,
  key text not null,
  payload jsonb not null,
  priority smallint not null default 3 check (priority between 1 and 5),
  "group" text not null default '',
  -- What RFC 3339 can write, like everything that gives it back.
  run_at timestamptz not null default now()
    check (run_at between '1970-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00'),
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
  due_at timestamptz default clock_timestamp() check (isfinite(due_at)),
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
  -- Past it an attempt that has not begun ends the event EXTINCT. Infinite once a person has revived an event that expired.
  expires_at timestamptz,
  -- Of a type with `orderBy`: the line in which its value's events stand (0012), and its number there once it had to wait.
  -- Who waits for its turn is in nobody's hands and not in the queue.
  line uuid,
  line_no bigint,
  constraint event_type_key unique (type, key),
  constraint event_owned_or_queued check (case
    when state in ('PROCESSED', 'EXTINCT', 'CANCELLED') then num_nonnulls(due_at, due_by) = 0
    when line is null then num_nonnulls(due_at, due_by) = 1
    else num_nonnulls(due_at, due_by) <= 1 end)
) with (
  -- A plan made when all events were on a few pages reads them all, and is kept while thousands come. Until autovacuum has
  -- been here, Postgres takes the table for a larger one and goes by its indexes.
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = 5000, autovacuum_analyze_threshold = 5000,
  -- Large counts are told from the statistics, so those must not be old.
  autovacuum_analyze_scale_factor = 0.02
);
-- The hot end: claims look only here, and an event leaves it when it is claimed.
create index event_claim on tem.event (type, lane, priority, "group", due_at, id) where due_at is not null;
create index event_owned on tem.event (worker_id, due_by) where due_by is not null;
-- The members of a shared run; a run of its own has its event's id.
create index event_shared_run on tem.event (workflow_id) where due_by is not null and workflow_id is not null;
-- Lists and counts (src/core/ledger/list.ts, stats.ts): each pair of a type and a state is in the order of a page.
create index event_listed on tem.event (type, state, created_at, id);
-- The same within a group. Most events have none, and cost nothing here.
create index event_grouped on tem.event ("group", type, state, created_at, id) where "group" <> '';
-- Written once, when an event ends: retention reads here what it is to delete, and rates what has just ended.
create index event_ended on tem.event (type, state, updated_at)
  where state in ('PROCESSED', 'EXTINCT', 'CANCELLED') and not pruned;
create index event_expiry on tem.event (expires_at) where expires_at is not null and state in ('QUEUED', 'FAILED');
-- Keys that are remembered after their event is gone.
create index event_tombstone on tem.event (updated_at) where pruned;
-- How often each pair of them occurs, for counts that are too large to be counted.
create statistics tem.event_pairs (mcv) on type, state from tem.event;

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
) with (
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = 5000, autovacuum_analyze_threshold = 5000
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

-- Which worker runs a background part that runs on one at a time; another may take it when its lease is over.
create table tem.part_lease (
  part text primary key,
  worker_id uuid not null,
  lease_until timestamptz not null
);

-- What the code of the newest worker says about each type (GET /v1/event-types, and SQL that must know it).
create table tem.event_type (
  name text primary key,
  definition jsonb not null,
  compensates boolean not null,
  updated_at timestamptz not null default now(),
  -- When a live worker last had it, to the minute.
  last_seen_at timestamptz not null default now(),
  -- A JSON pointer into the payload: events with the same value there run one at a time.
  order_by text generated always as (definition ->> 'orderBy') stored
);

-- Which types have `order_by`: a bit for each, by the hash of its name. Like the bell it costs next to nothing to ask, and so
-- events of the other types pay nothing; two names that share a bit only mean that the row above is read in vain.
create sequence tem.ordered_types as bigint minvalue 0 start 0;

create function tem.order_bit(type text) returns bigint language sql immutable parallel safe
  return 1::bigint << (hashtext(type) & 31);

create function tem.ordered_bits() returns bigint language sql volatile
  return coalesce(pg_sequence_last_value('tem.ordered_types'), 0);

-- To be called after a change of the types. One at a time: who comes second must see what the first has added.
create function tem.note_ordered_types() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtext('tem.ordered_types'));
  perform setval('tem.ordered_types', coalesce(bit_or(tem.order_bit(t.name)), 0)) from tem.event_type t where t.order_by is not null;
end $$;

-- The line of a payload: a hash of the type and of the value at the pointer, so that neither its length nor a secret in it
-- matters. Null when there is no value. A string and a number that are written alike are the same value.
create function tem.line_at(type text, payload jsonb, order_by text) returns uuid language sql immutable parallel safe
  return md5(type || ' ' || (payload #>> array(
    select replace(replace(part, '~1', '/'), '~0', '~')
      from unnest(string_to_array(substr(order_by, 2), '/')) with ordinality as p(part, n) order by n)))::uuid;

-- The same for what the type says, null for types without an order.
create function tem.line_of(type text, payload jsonb) returns uuid language sql stable
  return (select tem.line_at(t.name, line_of.payload, t.order_by) from tem.event_type t
    where t.name = line_of.type and t.order_by is not null);

-- The bell: Unix microseconds until which some relay sleeps. A sequence is read and written outside of snapshots and
-- leaves no dead rows, so asking it for every event stays cheap for ever.
create sequence tem.bell as bigint minvalue 0 start 0;

-- Unix microseconds when somebody rang last. A relay on a busy machine answers late, and until then only one event in
-- 5 ms rings: NOTIFY takes a database-wide lock at commit.
create sequence tem.rung as bigint minvalue 0 start 0;

-- Unix microseconds now; a double holds them exactly.
create function tem.clock_us() returns float8 language sql volatile
  return date_part('epoch', clock_timestamp()) * 1000000::float8;

-- Whether nobody has just rung. A clock that was set back has rung in the future.
create function tem.is_quiet() returns boolean language sql volatile
  return abs(tem.clock_us() - coalesce(pg_sequence_last_value('tem.rung'), 0)) > 5000;

-- Rings at commit. A transaction that is older than 50 ms says nothing of it: its own NOTIFY may come too late for those
-- who add an event meanwhile.
create function tem.ring_now() returns text language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('tem_due', '');
  if clock_timestamp() - now() < interval '50 ms' then
    perform setval('tem.rung', tem.clock_us()::bigint);
  end if;
  return null;
end $$;

-- Whether a relay sleeps now, which whoever added an event asks after that: a relay that goes to sleep after this waits for
-- the transactions that did not see it asleep (bell.ts). A trigger would cost more than all the rest of an event's checks.
-- pg_sequence_last_value (null until the first setval) is no query. One expression without a setting, so that Postgres
-- inlines it.
create function tem.relay_sleeps() returns boolean language sql volatile
  return pg_sequence_last_value('tem.bell') > tem.clock_us();

-- The same for `returning` of what adds events.
create function tem.ring() returns text language sql volatile
  return case when tem.relay_sleeps() and tem.is_quiet() then tem.ring_now() end;

-- Whether every number of a payload keeps its value as a double, which is what a handler gets. HTTP refuses the others too.
-- A double is written exactly only with this setting; an array first, because rows of a path query take quadratic time.
create function tem.numbers_survive(payload jsonb) returns boolean language sql immutable parallel safe
  set extra_float_digits = 1
  return (select coalesce(bool_and(case
      when n.value = 0 then true
      when abs(n.value) not between 2.3e-308 and 1.7976931348623157e308 then false
      else n.value::float8::text::numeric = n.value end), true)
    from jsonb_array_elements(jsonb_path_query_array(payload, 'strict $.** ? (@.type() == "number")')) as number(value),
      lateral (select (number.value #>> '{}')::numeric) as n(value));

create function tem.key_acceptable(key text) returns boolean language sql immutable parallel safe
  return octet_length(key) between 1 and 512 and key !~ '[\x01-\x1f\x7f-\x9f]';

create function tem.time_acceptable(run_at timestamptz) returns boolean language sql immutable parallel safe
  return run_at between '1970-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00';

-- What is left of a payload after its retention: the same for payloads that are equal as jsonb, in which 1 is 1.0 and only
-- the text knows of the zeros. The pattern passes over strings and takes the zeros at the end of a fraction.
create function tem.payload_digest(payload jsonb) returns text language sql immutable parallel safe
  return md5(case
    when payload::text ~ '[.][0-9]*0([^0-9]|$)' then
      regexp_replace(payload::text, '("(?:[^"\\]|\\.)*")|([.][0-9]*[1-9])0*|[.]0+', '\1\2', 'g')
    else payload::text end);

-- Whether tem.enqueue may take it without a closer look: false or null also for what only tem.inspect can tell. One
-- expression without a setting, so that Postgres inlines it, and of few functions, because each is looked up anew for each
-- transaction. A counted repeat in the first pattern would take longer than all of the rest; most payloads without a number
-- are told by the path alone.
create function tem.acceptable(type text, payload jsonb, priority integer) returns boolean
language sql immutable parallel safe
  return type ~ '^[a-zA-Z][a-zA-Z0-9._-]*$' and octet_length(type) <= 128
    and (not payload @? 'lax $.** ? (@.type() == "number")' or payload::text !~ '[0-9][0-9.]{15}')
    and priority between 1 and 5;

-- True for what is acceptable after all; else raises TM400 with what is wrong and what to do.
create function tem.inspect(
  type text, payload jsonb, key text, priority integer, "group" text, run_at timestamptz
) returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if inspect.type is null or inspect.type !~ '^[a-zA-Z][a-zA-Z0-9._-]{0,127}$' then
    raise exception 'type % must start with a letter and hold only letters, digits, dot, underscore and hyphen (at most 128)',
      coalesce(quote_literal(inspect.type), 'null') using errcode = 'TM400';
  end if;
  if inspect.payload is null then
    raise exception 'payload must not be null' using errcode = 'TM400', hint = 'Use ''null''::jsonb for a JSON null.';
  end if;
  if not tem.numbers_survive(inspect.payload) then
    raise exception 'payload holds a number that a double does not hold exactly' using errcode = 'TM400',
      hint = 'Send it as a string.';
  end if;
  if not tem.key_acceptable(inspect.key) then
    raise exception 'key must have 1 to 512 bytes and no control characters' using errcode = 'TM400';
  end if;
  if inspect.priority is null or inspect.priority not between 1 and 5 then
    raise exception 'priority must be 1 (first) to 5, not %', coalesce(inspect.priority::text, 'null') using errcode = 'TM400';
  end if;
  if octet_length(inspect."group") > 512 then
    raise exception 'group must have at most 512 bytes' using errcode = 'TM400';
  end if;
  if not tem.time_acceptable(inspect.run_at) then
    raise exception 'run_at must be a time from 1970-01-01 to 9999-12-31 (UTC)' using errcode = 'TM400';
  end if;
  return true;
end $$;

create function tem.inspect_expiry(expires_at timestamptz) returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not tem.time_acceptable(inspect_expiry.expires_at) then
    raise exception 'expires_at must be a time from 1970-01-01 to 9999-12-31 (UTC)' using errcode = 'TM400';
  end if;
  return true;
end $$;

-- Accepts an event inside the caller's transaction and returns its id; needs only execute on this function.
-- The same type and key with an equal payload returns the event that is there, with another payload raises TM409.
-- A caller often commits one event at a time, and then what Postgres prepares for each call takes longer than what it does
-- for it: expressions of plpgsql take less than those of a query, and the common call has an insert with no more than it
-- needs (docs/decisions/0008).
create function tem.enqueue(
  type text, payload jsonb, key text default null, priority integer default 3, "group" text default null,
  run_at timestamptz default null, expires_at timestamptz default null
) returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  new_id uuid := tem.uuid_v7();
  its_line uuid;
  existing record;
  rung text;
begin
  if tem.ordered_bits() & tem.order_bit(enqueue.type) <> 0 then
    its_line := tem.line_of(enqueue.type, enqueue.payload);
  end if;
  if enqueue.key is null and enqueue."group" is null and enqueue.run_at is null and enqueue.expires_at is null and its_line is null
      and tem.acceptable(enqueue.type, enqueue.payload, enqueue.priority) then
    insert into tem.event (id, type, key, payload, priority)
    values (new_id, enqueue.type, new_id::text, enqueue.payload, enqueue.priority);
  else
    insert into tem.event (id, type, key, payload, priority, "group", run_at, due_at, expires_at, line)
    select new_id, enqueue.type, coalesce(enqueue.key, new_id::text), enqueue.payload, enqueue.priority,
        coalesce(enqueue."group", ''), coalesce(enqueue.run_at, now()), greatest(enqueue.run_at, clock_timestamp()),
        enqueue.expires_at, its_line
      where tem.acceptable(enqueue.type, enqueue.payload, enqueue.priority)
          and (enqueue.key is null or tem.key_acceptable(enqueue.key))
          and (enqueue."group" is null or octet_length(enqueue."group") <= 512)
          and (enqueue.run_at is null or tem.time_acceptable(enqueue.run_at))
          and (enqueue.expires_at is null or tem.time_acceptable(enqueue.expires_at))
        or tem.inspect(enqueue.type, enqueue.payload, enqueue.key, enqueue.priority, enqueue."group", enqueue.run_at)
        and tem.inspect_expiry(enqueue.expires_at)
    on conflict on constraint event_type_key do nothing;
    if not found then
      -- A pruned event keeps its key and a digest of its payload.
      select e.id, case when e.pruned then e.payload = to_jsonb(tem.payload_digest(enqueue.payload))
        else e.payload = enqueue.payload end as same into existing
        from tem.event e where e.type = enqueue.type and e.key = enqueue.key;
      if existing.same then
        return existing.id;
      end if;
      raise exception 'an event of type % with key % exists with another payload', enqueue.type, quote_literal(enqueue.key)
        using errcode = 'TM409', detail = 'event ' || existing.id, hint = 'Use another key, or send the same payload.';
    end if;
  end if;
  -- Not one condition: the second is prepared only while a relay sleeps.
  if tem.relay_sleeps() then
    if tem.is_quiet() then
      rung := tem.ring_now();
    end if;
  end if;
  return new_id;
end $$;
revoke execute on function tem.enqueue(text, jsonb, text, integer, text, timestamptz, timestamptz) from public;
