-- Up Migration
-- Schedules as data. tem.schedule is what people and code want; tem.schedule_state is how far the ledger has accounted for
-- each one's nominal times; tem.schedule_run has one row for each of those (docs/schedules.md, rule 23).

-- Revisions are never used twice, so that a schedule that was removed and made again has another ETag.
create sequence tem.schedule_revision as bigint;

create table tem.schedule (
  id text primary key,
  cron text,
  every interval,
  time_zone text not null,
  type text not null,
  payload jsonb not null default '{}',
  overlap text not null default 'skip',
  catchup_window interval not null default '10 minutes',
  jitter interval not null default '0',
  start_at timestamptz,
  end_at timestamptz,
  paused boolean not null default false,
  note text,
  -- What follows is TEM's to fill in. `data`: people's; `code`: declared by a feature or a module.
  origin text not null default 'data' check (origin in ('data', 'code')),
  -- `event`, or the core's own work that no event stands for: `reconcile`.
  action text not null default 'event' check (action in ('event', 'reconcile')),
  -- Whose code declares it (`feature prices`, `module my-types`), and what that said last.
  declared_by text,
  declared jsonb,
  declared_at timestamptz,
  revision bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table tem.schedule_state (
  schedule_id text primary key references tem.schedule on delete cascade,
  revision bigint not null,
  -- What Temporal was last given; null: nothing yet.
  synced_revision bigint,
  synced_paused boolean,
  synced_note text,
  synced_at timestamptz,
  -- In what Temporal's schedule differs or why it can't be written, until that is mended.
  drift text,
  -- The row can't be read as a schedule: what SQL let pass and the calendar doesn't.
  problem text,
  -- The present rhythm counts from here; `past` are rhythms before it whose times aren't all accounted for.
  effective_from timestamptz not null,
  past jsonb not null default '[]',
  -- Times between which it was paused, as far as they aren't accounted for: [{from, to}], to is null while it lasts.
  pauses jsonb not null default '[]',
  -- Every nominal time up to this one has its row in schedule_run, or is counted in one.
  accounted_until timestamptz not null,
  next_at timestamptz,
  -- When the ledger looks itself.
  look_at timestamptz,
  fired bigint not null default 0,
  skipped bigint not null default 0,
  missed bigint not null default 0,
  paused bigint not null default 0,
  -- History before this is pruned: a backfill can't tell what fired.
  pruned_until timestamptz
);
create index schedule_look on tem.schedule_state (look_at) where look_at is not null;
create index schedule_unsynced on tem.schedule_state (revision) where synced_revision is distinct from revision;

create table tem.schedule_run (
  schedule_id text not null references tem.schedule on delete cascade,
  at timestamptz not null,
  -- '' for the nominal time itself; `t/<uuid>` for a person's trigger, `r<n>` for a repetition that was asked for.
  slot text not null default '',
  outcome text not null check (outcome in ('fired', 'buffered', 'overlap', 'missed', 'paused')),
  fired_by text check (fired_by in ('temporal', 'ledger', 'person', 'backfill')),
  event_id uuid,
  started_at timestamptz,
  moved boolean not null default false,
  -- The row stands for `count` nominal times from `at` to `until`: after a long outage not each has its own.
  until timestamptz,
  count bigint not null default 1,
  -- Its event hadn't ended when it was last looked at.
  open boolean not null default false,
  primary key (schedule_id, at, slot)
);
create index schedule_run_open on tem.schedule_run (schedule_id, at) where open;
create index schedule_run_buffered on tem.schedule_run (schedule_id, at) where outcome = 'buffered';
create index schedule_run_at on tem.schedule_run (at);

create table tem.schedule_change (
  id bigint generated always as identity primary key,
  schedule_id text not null,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  action text not null,
  before jsonb,
  after jsonb,
  detail text
);
create index schedule_change_of on tem.schedule_change (schedule_id, id);

-- Schedules that Temporal still has and the ledger has no more.
create table tem.schedule_removed (
  schedule_id text primary key,
  at timestamptz not null default clock_timestamp()
);

-- Why a field of a cron line can't be taken, or null. The same rules as src/core/schedules/calendar/cron.ts, so that a
-- wrong line fails where it is written, also in SQL.
create function tem.cron_field_problem(name text, field text, low integer, high integer, names text[])
returns text language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  item text;
  parts text[];
  first integer;
  last integer;
begin
  foreach item in array string_to_array(field, ',') loop
    parts := regexp_match(item, '^(?:\*|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:/(\d{1,4}))?$', 'i');
    if parts is null then
      return format('%s ''%s'' has ''%s'', which is no value, range (1-5), list (1,3) or step (*/15)', name, field, item);
    end if;
    if parts[3]::integer = 0 then
      return format('%s ''%s'' has a step of 0: write 1 or more', name, field);
    end if;
    continue when parts[1] is null;
    first := coalesce(array_position(names, lower(parts[1])) - 1 + low, case when parts[1] ~ '^\d{1,4}$' then parts[1]::integer end);
    last := case when parts[2] is null then first
      else coalesce(array_position(names, lower(parts[2])) - 1 + low, case when parts[2] ~ '^\d{1,4}$' then parts[2]::integer end) end;
    if first is null or last is null or first not between low and high or last not between low and high then
      return format('%s ''%s'' has ''%s'': write %s to %s', name, field, item, low, high);
    end if;
    if last < first then
      return format('%s ''%s'' has the turned range ''%s'': write the values one by one', name, field, item);
    end if;
    if parts[2] is null and parts[3] is not null then
      return format('%s ''%s'' has ''%s'': say where it ends, such as %s-%s/%s', name, field, item, parts[1], high, parts[3]);
    end if;
  end loop;
  return null;
end $$;

-- The values of a field that cron_field_problem has nothing against.
create function tem.cron_values(field text, low integer, high integer, names text[])
returns integer[] language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  item text;
  parts text[];
  first integer;
  last integer;
  found integer[] := '{}';
begin
  foreach item in array string_to_array(field, ',') loop
    parts := regexp_match(item, '^(?:\*|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:/(\d{1,4}))?$', 'i');
    first := case when parts[1] is null then low else coalesce(array_position(names, lower(parts[1])) - 1 + low, parts[1]::integer) end;
    last := case when parts[1] is null then high when parts[2] is null then first
      else coalesce(array_position(names, lower(parts[2])) - 1 + low, parts[2]::integer) end;
    found := found || array(select generate_series(first, last, coalesce(parts[3]::integer, 1)));
  end loop;
  return found;
end $$;

create function tem.cron_never_problem(days text, months text)
returns text language sql immutable set search_path = pg_catalog, pg_temp as $$
  select format('can never fire: no month of ''%s'' has a day of ''%s''', months, days)
  where not exists (
    select from unnest(tem.cron_values(months, 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}')) as month,
      unnest(tem.cron_values(days, 1, 31, null)) as day
    where day <= ('{31,29,31,30,31,30,31,31,30,31,30,31}'::integer[])[month])
$$;

create function tem.cron_problem(cron text) returns text language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
  line text := btrim(cron, E' \t\n');
  fields text[];
begin
  if line ~ '^@' then
    return case when lower(line) = any('{@yearly,@annually,@monthly,@weekly,@daily,@midnight,@hourly}') then null
      else format('''%s'' is not known: there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly', line) end;
  end if;
  fields := regexp_split_to_array(line, '\s+');
  if cardinality(fields) <> 5 then
    return format('has %s fields: write five (minute, hour, day of month, month, day of week), without seconds and years',
      cardinality(fields));
  end if;
  if line ~ '[#?]' then
    return 'uses # or ?: write * for ?, and for the second Monday day of month 8-14 with day of week 1';
  end if;
  return coalesce(
    tem.cron_field_problem('minute', fields[1], 0, 59, null),
    tem.cron_field_problem('hour', fields[2], 0, 23, null),
    tem.cron_field_problem('day of month', fields[3], 1, 31, null),
    tem.cron_field_problem('month', fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'),
    tem.cron_field_problem('day of week', fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}'),
    tem.cron_never_problem(fields[3], fields[4]));
end $$;

create function tem.time_zone_problem(name text) returns text language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if name !~ '^(UTC|GMT|[A-Za-z_-]+(/[A-Za-z_-]+)+|Etc/[A-Za-z0-9+-]+)$' then
    return format('''%s'' is not a time zone: write a name of the IANA database such as Europe/Berlin, or UTC', name);
  end if;
  perform now() at time zone name;
  return null;
exception when invalid_parameter_value then
  return format('''%s'' is not a time zone that is known here: write a name of the IANA database such as Europe/Berlin', name);
end $$;

-- What is wrong with a row, as `column what`, or null.
create function tem.schedule_problem(s tem.schedule) returns text language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  second constant interval := '1 second';
  problem text;
begin
  if s.id !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' then
    return format('id ''%s'' must begin with a letter or digit and hold only letters, digits, dot, underscore and hyphen (at most 128)', s.id);
  end if;
  if num_nonnulls(s.cron, s.every) <> 1 then
    return 'cron or every must be given, and only one of them';
  end if;
  problem := tem.cron_problem(s.cron);
  if problem is not null then
    return 'cron ' || problem;
  end if;
  if s.every < second or s.every > interval '366 days' or date_trunc('second', s.every) <> s.every
      or extract(month from s.every) <> 0 or extract(year from s.every) <> 0 then
    return 'every must be whole seconds, from 1s to 366d (for months write a cron line)';
  end if;
  problem := tem.time_zone_problem(s.time_zone);
  if problem is not null then
    return 'time_zone ' || problem;
  end if;
  if s.type !~ '^[a-zA-Z][a-zA-Z0-9._-]{0,127}$' then
    return 'type must be the name of an event type';
  end if;
  if not tem.numbers_survive(s.payload) then
    return 'payload holds a number that a double does not hold exactly: write it as a string';
  end if;
  if s.overlap <> all('{skip,bufferOne,bufferAll,cancelOther,terminateOther,allowAll}') then
    return format('overlap ''%s'' must be skip, bufferOne, bufferAll, cancelOther, terminateOther or allowAll', s.overlap);
  end if;
  if s.catchup_window not between interval '10 seconds' and interval '366 days' then
    return 'catchup_window must be from 10s to 366d';
  end if;
  if s.jitter not between interval '0' and interval '1 day' then
    return 'jitter must be from 0s to 24h';
  end if;
  if s.start_at >= s.end_at then
    return 'end_at must be after start_at';
  end if;
  if not isfinite(s.start_at) or not isfinite(s.end_at) or s.start_at < timestamptz 'epoch' then
    return 'start_at and end_at must be finite times from 1970 on';
  end if;
  if octet_length(s.note) > 2000 then
    return 'note must have at most 2000 bytes';
  end if;
  return null;
end $$;

-- What a person or code decides of a row: a change of anything else is no change of the schedule.
create function tem.schedule_wish(s tem.schedule) returns jsonb language sql immutable
  return to_jsonb(s) - '{revision,created_at,updated_at,declared,declared_at}'::text[];

-- The same as unknownTemplate in src/core/schedules/templates.ts.
create function tem.template_problem(payload jsonb)
returns text language sql immutable set search_path = pg_catalog, pg_temp as $$
  select format('payload holds {{%1$s}}, which no firing fills: there are nominalTime, previousNominalTime, localDate, scheduleId; for the text itself write {{{{%1$s}}}}', m[2])
  from regexp_matches(payload::text, '\{\{\{\{([^{}]*)\}\}\}\}|\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}', 'g') as m
  where m[1] is null and m[2] <> all('{nominalTime,previousNominalTime,localDate,scheduleId}') limit 1
$$;

create function tem.check_schedule() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  problem text;
begin
  if tg_op = 'UPDATE' then
    if new.id <> old.id then
      raise exception 'schedule %: the id can''t be changed', quote_literal(old.id) using errcode = 'TM400',
        hint = 'Insert the schedule under its new id and delete the old one.';
    end if;
    if tem.schedule_wish(new) = tem.schedule_wish(old) then
      new.revision := old.revision;
      return new;
    end if;
    new.updated_at := clock_timestamp();
  end if;
  problem := tem.schedule_problem(new);
  -- A payload that was taken before this rule stays.
  if problem is null and (tg_op = 'INSERT' or new.payload <> old.payload) then
    problem := tem.template_problem(new.payload);
  end if;
  if problem is not null then
    raise exception 'schedule %: %', quote_literal(new.id), problem using errcode = 'TM400',
      column = split_part(problem, ' ', 1);
  end if;
  new.revision := nextval('tem.schedule_revision');
  return new;
end $$;
create trigger check_schedule before insert or update on tem.schedule for each row execute function tem.check_schedule();

-- Who changes, for the history: what TEM's processes say of their caller, else the session's user.
create function tem.actor() returns text language sql stable
  return coalesce(nullif(current_setting('tem.actor', true), ''), 'sql: ' || session_user);

create function tem.note_schedules_inserted() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into tem.schedule_state (schedule_id, revision, effective_from, accounted_until, look_at, pauses)
    select id, revision, clock_timestamp(), clock_timestamp(), clock_timestamp(),
      case when paused then jsonb_build_array(jsonb_build_object('from', clock_timestamp(), 'to', null)) else '[]' end
    from inserted;
  insert into tem.schedule_change (schedule_id, actor, action, after)
    select id, tem.actor(), 'created', tem.schedule_wish(i) - 'payload' from inserted i;
  delete from tem.schedule_removed where schedule_id in (select id from inserted);
  perform pg_notify('tem_schedule', '') where exists (select from inserted);
  return null;
end $$;
create trigger note_inserted after insert on tem.schedule referencing new table as inserted
  for each statement execute function tem.note_schedules_inserted();

create function tem.note_schedules_updated() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from after a join before b using (id) where a.revision <> b.revision) then
    return null;
  end if;
  with changed as (
    select a.id, a.revision, a.paused, b.paused as was_paused,
      (a.cron, a.every, a.time_zone, a.start_at, a.end_at) is distinct from (b.cron, b.every, b.time_zone, b.start_at, b.end_at)
        as turned,
      jsonb_build_object('cron', b.cron, 'everyMs', extract(epoch from b.every) * 1000, 'timeZone', b.time_zone,
        'startAt', b.start_at, 'endAt', b.end_at) as rhythm
    from after a join before b using (id) where a.revision <> b.revision
  )
  update tem.schedule_state s set
    revision = c.revision,
    problem = null,
    past = case when not c.turned or s.next_at > clock_timestamp() then s.past
      else s.past || jsonb_build_array(c.rhythm || jsonb_build_object('from', s.effective_from, 'until', clock_timestamp())) end,
    effective_from = case when c.turned then clock_timestamp() else s.effective_from end,
    next_at = case when c.turned then null else s.next_at end,
    look_at = case when c.turned or c.paused <> c.was_paused then clock_timestamp() else s.look_at end,
    pauses = case
      when c.paused and not c.was_paused then s.pauses || jsonb_build_array(jsonb_build_object('from', clock_timestamp(), 'to', null))
      when not c.paused and c.was_paused then jsonb_set(s.pauses, '{-1,to}', to_jsonb(clock_timestamp()))
      else s.pauses end
  from changed c where s.schedule_id = c.id;
  insert into tem.schedule_change (schedule_id, actor, action, before, after)
    select a.id, tem.actor(),
      case when a.paused and not b.paused then 'paused' when b.paused and not a.paused then 'resumed' else 'changed' end,
      (select jsonb_object_agg(key, case key when 'payload' then '"..."' else value end) from jsonb_each(tem.schedule_wish(b))
        where value is distinct from tem.schedule_wish(a) -> key),
      (select jsonb_object_agg(key, case key when 'payload' then '"..."' else value end) from jsonb_each(tem.schedule_wish(a))
        where value is distinct from tem.schedule_wish(b) -> key)
    from after a join before b using (id) where a.revision <> b.revision;
  perform pg_notify('tem_schedule', '');
  return null;
end $$;
create trigger note_updated after update on tem.schedule referencing old table as before new table as after
  for each statement execute function tem.note_schedules_updated();

create function tem.note_schedules_deleted() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into tem.schedule_removed (schedule_id) select id from deleted on conflict do nothing;
  insert into tem.schedule_change (schedule_id, actor, action, before)
    select id, tem.actor(), 'removed', tem.schedule_wish(d) - 'payload' from deleted d;
  perform pg_notify('tem_schedule', '') where exists (select from deleted);
  return null;
end $$;
create trigger note_deleted after delete on tem.schedule referencing old table as deleted
  for each statement execute function tem.note_schedules_deleted();

-- Runs that tem doctor tells of, without reading the others: missed ones, and those that were late by more than a minute.
create index schedule_run_trouble on tem.schedule_run (at) where outcome = 'missed' or started_at - at > interval '60 seconds';
