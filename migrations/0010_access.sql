-- Up Migration
-- Who may do what: API keys by their hash, sessions of the console, and the audit, which is only ever added to.

create table tem.api_key (
  id uuid primary key,
  name text not null check (name <> '' and name <> 'settings'),
  role text not null check (role in ('viewer', 'operator', 'admin')),
  -- The types and groups that it is for; null: all.
  types text[],
  groups text[],
  -- Whether it is shown payloads, results and keys of events.
  payloads boolean not null,
  key_hash bytea not null unique,
  -- After a rotation the key before, while it is still taken.
  previous_key_hash bytea unique,
  previous_until timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  created_by text not null,
  rotated_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text
);
-- Two keys of one name couldn't be told apart in the audit.
create unique index api_key_name on tem.api_key (name) where revoked_at is null;

create table tem.console_session (
  id uuid primary key,
  token_hash bytea not null unique,
  csrf_token text not null,
  -- Of somebody who signed in with a key: what that key may counts, and it ends with the key.
  key_id uuid references tem.api_key on delete cascade,
  -- The same for the admin key of the settings.
  settings_key_hash bytea,
  -- Of a person who signed in elsewhere: name, email, role, types, groups and payloads.
  person jsonb,
  created_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  ends_at timestamptz not null,
  check (num_nonnulls(key_id, settings_key_hash, person) = 1)
);
create index console_session_key on tem.console_session (key_id);
create index console_session_ends on tem.console_session (ends_at);

create table tem.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  -- <noun>.<verb>
  action text not null,
  target text not null,
  filter jsonb,
  before jsonb,
  after jsonb,
  reason text
);
create index audit_at on tem.audit (at);
create index audit_actor on tem.audit (actor, id);
create index audit_action on tem.audit (action, id);
create index audit_target on tem.audit (target, id);

-- Nothing in the audit changes, and nothing leaves it but what is old, by tem.prune_audit. This holds for the owner of the
-- table too, as long as he leaves the triggers alone; another role isn't even given the right. Why a person made a change is
-- given once for all that his transaction writes, also by triggers and in SQL (`set local tem.reason = '...'`), unless a row has
-- a reason of its own.
create function tem.guard_audit() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    -- Nobody writes into the past.
    new.at := clock_timestamp();
    new.reason := coalesce(new.reason, nullif(left(current_setting('tem.reason', true), 500), ''));
    return new;
  elsif tg_op = 'DELETE' and current_setting('tem.pruning_audit', true) = 'on'
    and old.at < clock_timestamp() - interval '30 days' then
    return old;
  end if;
  raise exception 'the audit is only ever added to' using errcode = 'TM403';
end $$;
create trigger audit_rows before insert or update or delete on tem.audit for each row execute function tem.guard_audit();
create trigger audit_truncate before truncate on tem.audit execute function tem.guard_audit();

-- Deletes a slice of what is older than the retention, which is never less than 30 days; returns how many rows.
create function tem.prune_audit(retention interval, slice integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  pruned integer;
begin
  perform set_config('tem.pruning_audit', 'on', true);
  delete from tem.audit where id in (
    select id from tem.audit where at < clock_timestamp() - greatest(retention, interval '30 days')
    order by at limit slice
  );
  get diagnostics pruned = row_count;
  perform set_config('tem.pruning_audit', 'off', true);
  return pruned;
end $$;

-- What the history of schedules has of people's changes, whoever made them and however, is in the audit too.
create function tem.audit_schedule_change() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  verb text := case new.action when 'created' then 'create' when 'changed' then 'change' when 'paused' then 'pause'
    when 'resumed' then 'resume' when 'removed' then 'remove' when 'triggered' then 'trigger' when 'backfilled' then 'backfill' end;
begin
  if verb is not null then
    insert into tem.audit (actor, action, target, before, after, reason)
      values (new.actor, 'schedule.' || verb, new.schedule_id, new.before, new.after, new.detail);
  end if;
  return null;
end $$;
create trigger audit_change after insert on tem.schedule_change for each row execute function tem.audit_schedule_change();

create function tem.audit_search_change() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into tem.audit (actor, action, target, after)
    values (new.actor, 'search.' || new.action, coalesce(new.detail ->> 'table', 'search'), new.detail);
  return null;
end $$;
create trigger audit_change after insert on tem.search_change for each row execute function tem.audit_search_change();
