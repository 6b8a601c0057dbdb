-- Up Migration
-- Reports: what they are, what became of each run, and the files, kept in pieces so that API and workers need no common disk.

create table tem.report (
  id text primary key,
  definition jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

create table tem.report_delivery (
  id uuid primary key,
  report text not null,
  -- A repeated attempt of the event goes on where the last one stopped.
  event_id uuid not null unique,
  -- As it was when the run began.
  definition jsonb not null,
  parameters jsonb not null,
  state text not null default 'building'
    check (state in ('building', 'sending', 'sent', 'partial', 'kept', 'skipped', 'failed')),
  note text,
  error text,
  file_name text,
  rows bigint,
  -- The rows ended at the limit, and there were more.
  more boolean not null default false,
  bytes bigint,
  sha256 text,
  -- The columns and first rows, for the mail.
  preview jsonb,
  file uuid,
  file_until timestamptz,
  -- The attempt that may work on it: an older one that still runs finds another here, and stops.
  claim uuid,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
);
create index report_delivery_report on tem.report_delivery (report, id);
create index report_delivery_file on tem.report_delivery (file_until) where file is not null;
create index report_delivery_created on tem.report_delivery (created_at);

create table tem.report_recipient (
  delivery uuid not null references tem.report_delivery on delete cascade,
  address text not null,
  name text,
  position integer not null,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'refused', 'kept')),
  tries integer not null default 0,
  code integer,
  detail text,
  at timestamptz,
  primary key (delivery, address)
);

create table tem.report_file (
  id uuid primary key,
  delivery uuid not null references tem.report_delivery on delete cascade,
  created_at timestamptz not null default clock_timestamp()
);
create index report_file_delivery on tem.report_file (delivery);
create index report_file_created on tem.report_file (created_at);

create table tem.report_chunk (
  file uuid not null references tem.report_file on delete cascade,
  n integer not null,
  bytes bytea not null,
  primary key (file, n)
);
-- Files that matter in size are packed already.
alter table tem.report_chunk alter column bytes set storage external;

-- What signs links to files, and the password of the role that reads the ledger. No report can read it.
create table tem.report_secret (
  name text primary key,
  value text not null
);
insert into tem.report_secret values
  ('link', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')),
  ('reader', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));

-- A report to try it with.
insert into tem.report (id, definition) values ('events-of-the-last-day', jsonb_build_object(
  'title', 'Events of the last day',
  'source', 'ledger',
  'sql', 'select type, state, count(*) as events, min(created_at) as first_at, max(updated_at) as last_at
from tem.event where created_at > now() - interval ''1 day'' group by type, state order by type, state',
  'format', 'xlsx',
  'recipients', jsonb_build_array()
));
