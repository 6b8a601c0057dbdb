-- Failures by what their errors have in common, and the jobs that try again or cancel what a filter found.

-- An error without what differs from one event to the next: quoted values, addresses, and every word with a digit (ids,
-- numbers, UUIDs, times). The status of an answer says what failed, and stays. The first line, and not all of a long one.
-- Expressions without a look around them, which would take twenty times as long; and no queries, so that Postgres inlines it.
create function tem.failure_line(error text) returns text language sql immutable parallel safe
  return ' ' || left(split_part(ltrim(error, E' \t\r\n'), E'\n', 1), 500);
create function tem.failure_pattern(error text) returns text language sql immutable parallel safe
  return left(btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(tem.failure_line(error),
      '"[^"]*"|`[^`]*`', '*', 'g'), '([\s(=:\[,])''[^'']*''', '\1*', 'g'),
      '[\w.+-]+://[^\s"<>]*|[\w.:/@+%-]*(\d|@)([\w.:/@+%&=?#~-]|,\d)*', '*', 'g'), '\s+', ' ', 'g')), 290)
    || coalesce(' (' || substring(tem.failure_line(error) from '(?:HTTP|status|answered|code):? ([1-5]\d\d)') || ')', '');

create function tem.fingerprint(error text) returns text language sql immutable parallel safe
  return left(md5(tem.failure_pattern(error)), 16);

-- Written with the error, whoever writes that; what is FAILED or EXTINCT has that of its last one.
alter table tem.event add column fingerprint text;
create function tem.take_fingerprint() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.fingerprint := tem.fingerprint(new.last_error);
  return new;
end $$;
-- Only an event that fails pays for more than the look at its state.
create trigger event_fingerprint before update of last_error on tem.event for each row
  when (new.state in ('FAILED', 'EXTINCT') and new.last_error is distinct from old.last_error)
  execute function tem.take_fingerprint();
update tem.event set fingerprint = tem.fingerprint(last_error) where state in ('FAILED', 'EXTINCT') and last_error is not null;

create table tem.failure_note (
  fingerprint text primary key,
  note text not null,
  actor text not null,
  updated_at timestamptz not null default now()
);

create table tem.redrive (
  id uuid primary key default tem.uuid_v7(),
  action text not null check (action in ('retry', 'cancel')),
  -- As it was given; of ids how many.
  filter jsonb not null,
  state text not null check (state in ('running', 'paused', 'stopped', 'cancelled', 'done')),
  rate_per_second float8 not null check (rate_per_second > 0),
  -- The first so many go ahead, and the rest only when not too many of them fail again.
  canary_count integer,
  canary_max_failed_percent float8,
  canary_passed boolean not null default false,
  matches integer not null,
  -- Of them: begun or passed over; then what became of those that were begun.
  done integer not null default 0,
  skipped integer not null default 0,
  processed integer not null default 0,
  failed integer not null default 0,
  cancelled integer not null default 0,
  undone integer not null default 0,
  -- So many were begun since then; both anew when it goes on after a rest.
  paced_from timestamptz,
  paced_count integer not null default 0,
  reason text,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz
);
create index redrive_running on tem.redrive (id) where state = 'running';
create index redrive_ended on tem.redrive (ended_at) where ended_at is not null;

-- The set of a job as it was at its creation: nothing that comes later belongs to it. Without a foreign key, whose check of
-- each row would take longer than all the rest of a large set.
create table tem.redrive_event (
  redrive_id uuid not null,
  n integer not null,
  event_id uuid not null,
  from_state text not null,
  from_version integer not null,
  -- begun: waits or runs again; retrying: has failed again and waits for its next attempt.
  outcome text check (outcome in ('begun', 'retrying', 'processed', 'failed', 'cancelled', 'skipped', 'undone')),
  -- Why it was passed over.
  why text,
  -- The event's version after it was begun, and what that changed.
  version integer,
  before jsonb,
  primary key (redrive_id, n)
);
create index redrive_event_next on tem.redrive_event (redrive_id, n) where outcome is null;
create index redrive_event_open on tem.redrive_event (redrive_id, n) where outcome in ('begun', 'retrying');

-- What an event's payload was before a person edited it.
create table tem.previous_payload (
  event_id uuid not null references tem.event on delete cascade,
  -- The event's version that had it last.
  version integer not null,
  payload jsonb not null,
  actor text not null,
  replaced_at timestamptz not null default clock_timestamp(),
  primary key (event_id, version)
);
