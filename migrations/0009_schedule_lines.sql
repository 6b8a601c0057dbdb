-- Up Migration
-- Schedules by SQL are held to two more rules of HTTP's: a cron line must have a day on which it fires, and the payload no
-- template that no firing fills.

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

create or replace function tem.cron_problem(cron text) returns text language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
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

-- The same as unknownTemplate in src/core/schedules/templates.ts.
create function tem.template_problem(payload jsonb)
returns text language sql immutable set search_path = pg_catalog, pg_temp as $$
  select format('payload holds {{%1$s}}, which no firing fills: there are nominalTime, previousNominalTime, localDate, scheduleId; for the text itself write {{{{%1$s}}}}', m[2])
  from regexp_matches(payload::text, '\{\{\{\{([^{}]*)\}\}\}\}|\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}', 'g') as m
  where m[1] is null and m[2] <> all('{nominalTime,previousNominalTime,localDate,scheduleId}') limit 1
$$;

create or replace function tem.check_schedule() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
