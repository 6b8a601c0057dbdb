-- What people set in the place of a type's own policy, and erasing what is kept of a person.

create table tem.event_type_override (
  type text primary key,
  -- Of retry {maxAttempts, baseMs, capMs, jitter}, timeoutMs, priority and batch those that are set; a batch of null: never.
  definition jsonb not null,
  actor text not null,
  updated_at timestamptz not null default now()
);

create table tem.erasure (
  id uuid primary key default tem.uuid_v7(),
  -- Forgotten when it is done: what is left names nobody.
  subject text,
  state text not null default 'running' check (state in ('running', 'done')),
  events integer not null default 0,
  cancelled integer not null default 0,
  -- By feature: rows of its own.
  features jsonb not null default '{}',
  created_by text not null,
  created_at timestamptz not null default now(),
  ended_at timestamptz
);
create index erasure_running on tem.erasure (id) where state = 'running';

alter table tem.event add column erased_at timestamptz;
