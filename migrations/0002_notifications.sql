-- Up Migration
-- The inbox of each user. Ids rise by one counter row per user, raised in the transaction that inserts, so that they
-- commit in order: whoever has read up to an id has missed nothing below it.

create table tem.notification_counter (
  "user" text primary key,
  last_id bigint not null
);

create table tem.notification (
  "user" text not null,
  id bigint not null,
  -- A repeated attempt of the event inserts nothing.
  event_id uuid not null unique,
  title text not null,
  body text not null,
  data jsonb,
  created_at timestamptz not null default clock_timestamp(),
  read_at timestamptz,
  primary key ("user", id)
);
-- Retention reads here what it is to delete; of those that nobody reads, by the time in their event's id.
create index notification_read on tem.notification (read_at) where read_at is not null;
create index notification_unread on tem.notification ("user", id) where read_at is null;
