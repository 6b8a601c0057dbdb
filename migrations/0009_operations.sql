-- Up Migration
-- What was wrong, from when to when, and who was told (rule 22). An incident is open while ended_at is null.

create table tem.incident (
  id uuid primary key,
  -- What is wrong, and with what: `extinct` of an event type, `schedules_missed` of none.
  kind text not null,
  subject text not null default '',
  detail text not null,
  advice text not null,
  -- The most that was seen of it, and the ids of a few.
  count bigint not null,
  samples jsonb not null default '[]',
  began_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
);
-- One incident while it lasts, whoever looks.
create unique index incident_open on tem.incident (kind, subject) where ended_at is null;
create index incident_ended on tem.incident (ended_at) where ended_at is not null;

-- Each is told twice on each way: when it began, and when it ended.
create table tem.incident_message (
  incident uuid not null references tem.incident on delete cascade,
  what text not null check (what in ('began', 'ended')),
  way text not null check (way in ('webhook', 'mail')),
  state text not null default 'waiting' check (state in ('waiting', 'told', 'given_up')),
  tries integer not null default 0,
  next_try_at timestamptz not null default clock_timestamp(),
  error text,
  told_at timestamptz,
  primary key (incident, what, way)
);
create index incident_message_waiting on tem.incident_message (next_try_at) where state = 'waiting';
