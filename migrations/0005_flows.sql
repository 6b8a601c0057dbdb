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

-- Attempts under way that a workflow makes: no worker has them, so they are counted where they stand.
create index event_run_by_workflow on tem.event (type, "group") where state = 'PROCESSING' and epoch_worker_id is null;

-- Of a type, or of one of its groups, up to `most`. Volatile, so that it sees what has committed while its caller waited for a
-- flow's row.
create function tem.runs_in_flight(type text, "group" text, most integer) returns integer language plpgsql volatile
set search_path = pg_catalog, pg_temp as $$
begin
  return (select count(*) from (
    select from tem.event e
      where e.type = runs_in_flight.type and (runs_in_flight."group" = '' or e."group" = runs_in_flight."group")
        and e.state = 'PROCESSING' and e.epoch_worker_id is null
      limit runs_in_flight.most) run);
end $$;

-- What an operator wants of a worker: 'drain' claims nothing more and lives on, 'shutdown' ends it as SIGTERM does.
alter table tem.worker add column wanted text check (wanted in ('drain', 'shutdown'));
