-- Up Migration
-- Flow limits: per event type, and per type and group. Limits are global over all workers, and change while they run.

create table tem.flow (
  type text not null,
  -- '' stands for all of the type's events, whatever their group.
  "group" text not null default '',
  paused boolean not null default false,
  max_in_flight integer check (max_in_flight >= 1),
  rate_limit integer check (rate_limit >= 1),
  rate_per text check (rate_per in ('second', 'minute')),
  updated_at timestamptz not null default clock_timestamp(),
  -- The first instant that nobody has reserved: who takes some moves it on (src/core/flows/store.ts).
  next_free timestamptz not null default clock_timestamp(),
  -- Places in flight by the id of the worker that has them; those of a worker without a lease don't count.
  held jsonb not null default '{}',
  primary key (type, "group"),
  constraint flow_rate_whole check (num_nonnulls(rate_limit, rate_per) in (0, 2))
) with (fillfactor = 50);

-- Raised with each change of a limit, in its transaction: workers read all flows only when this has moved.
alter table tem.ledger add column flow_revision bigint not null default 0;

create function tem.flows_changed() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update tem.ledger set flow_revision = flow_revision + 1;
  perform pg_notify('tem_flow', '');
  return null;
end $$;

-- Not for reservations, which are no change of a limit.
create trigger flow_changed
  after insert or delete or truncate or update of paused, max_in_flight, rate_limit, rate_per on tem.flow
  for each statement execute function tem.flows_changed();

-- Past it an attempt that has not begun ends the event EXTINCT. Infinite once a person has revived an event that expired.
alter table tem.event add column expires_at timestamptz;
create index event_expiry on tem.event (expires_at) where expires_at is not null and state in ('QUEUED', 'FAILED');

create function tem.inspect_expiry(expires_at timestamptz) returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not tem.time_acceptable(inspect_expiry.expires_at) then
    raise exception 'expires_at must be a time from 1970-01-01 to 9999-12-31 (UTC)' using errcode = 'TM400';
  end if;
  return true;
end $$;

drop function tem.enqueue(text, jsonb, text, integer, text, timestamptz);

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
  existing record;
  rung text;
begin
  if enqueue.key is null and enqueue."group" is null and enqueue.run_at is null and enqueue.expires_at is null
      and tem.acceptable(enqueue.type, enqueue.payload, enqueue.priority) then
    insert into tem.event (id, type, key, payload, priority)
    values (new_id, enqueue.type, new_id::text, enqueue.payload, enqueue.priority);
  else
    insert into tem.event (id, type, key, payload, priority, "group", run_at, due_at, expires_at)
    select new_id, enqueue.type, coalesce(enqueue.key, new_id::text), enqueue.payload, enqueue.priority,
        coalesce(enqueue."group", ''), coalesce(enqueue.run_at, now()), greatest(enqueue.run_at, clock_timestamp()),
        enqueue.expires_at
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

-- What an operator wants of a worker: 'drain' claims nothing more and lives on, 'shutdown' ends it as SIGTERM does.
alter table tem.worker add column wanted text check (wanted in ('drain', 'shutdown'));
