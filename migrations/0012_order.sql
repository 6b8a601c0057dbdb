-- Up Migration
-- Order between events of one value (`orderBy` of their type). They stand in a line: one has its turn, the others wait in
-- nobody's hands, in the order in which their transactions committed. See docs/flows.md.

-- Only lines in which somebody stands. Its row is locked by whoever joins, until that transaction ends, so that numbers are
-- given in the order of commit; whoever leaves never waits for it.
create table tem.line (
  id uuid primary key,
  -- Whose turn it is: unfinished, or EXTINCT of a type that says `hold`.
  event_id uuid not null
) with (fillfactor = 50, autovacuum_vacuum_threshold = 5000);

-- Turns that are over, of lines that somebody held just then: given on by the next who looks (src/core/ledger/lines.ts).
create table tem.line_left (
  id bigint generated always as identity primary key,
  line uuid not null,
  event_id uuid not null
);

create index event_in_line on tem.event (line, line_no nulls first, id)
  where line is not null and due_at is null and due_by is null and state in ('QUEUED', 'FAILED');

create sequence tem.line_number as bigint;

-- Whether this event has its turn now; else it waits. Locks the line until the transaction ends.
create function tem.join_line(line uuid, event_id uuid) returns boolean language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
  first uuid;
begin
  insert into tem.line as l (id, event_id) values (join_line.line, join_line.event_id)
    on conflict (id) do update set event_id = l.event_id
    returning l.event_id into first;
  return first = join_line.event_id;
end $$;

-- After the insert, which a repeat of a key doesn't come to.
create function tem.event_joins_line() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not tem.join_line(new.line, new.id) then
    update tem.event set due_at = null, line_no = nextval('tem.line_number') where id = new.id;
  end if;
  return null;
end $$;

create trigger event_joins_line after insert on tem.event
  for each row when (new.line is not null) execute function tem.event_joins_line();

-- A person revives it: others of its line may have gone past it, and then it comes next, under its old number.
create function tem.event_joins_line_again() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not tem.join_line(new.line, new.id) then
    new.due_at := null;
  end if;
  return new;
end $$;

create trigger event_joins_line_again before update of state on tem.event
  for each row when (new.line is not null and old.state = 'EXTINCT' and new.state = 'QUEUED')
  execute function tem.event_joins_line_again();

-- Gives the turn of this event to the next in its line, unless it had none; false when somebody holds what that takes.
create function tem.try_leave_line(line uuid, event_id uuid) returns boolean language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
  current uuid;
  next uuid;
begin
  select l.event_id into current from tem.line l where l.id = try_leave_line.line for update skip locked;
  if not found then
    return not exists (select from tem.line l where l.id = try_leave_line.line);
  end if;
  -- Somebody has given it on, or a person has revived the event.
  if current <> try_leave_line.event_id or exists (select from tem.event e
      where e.id = current and e.state not in ('PROCESSED', 'EXTINCT', 'CANCELLED')) then
    return true;
  end if;
  select e.id into next from tem.event e
    where e.line = try_leave_line.line and e.due_at is null and e.due_by is null and e.state in ('QUEUED', 'FAILED')
    order by e.line_no nulls first, e.id limit 1;
  if next is null then
    delete from tem.line l where l.id = try_leave_line.line;
    return true;
  end if;
  update tem.event e set due_at = greatest(clock_timestamp(), e.run_at)
    where e.id = (
      select w.id from tem.event w
      where w.id = next and w.due_at is null and w.due_by is null and w.state in ('QUEUED', 'FAILED')
      for update skip locked);
  if not found then
    return false;
  end if;
  update tem.line l set event_id = next where l.id = try_leave_line.line;
  perform tem.ring();
  return true;
end $$;

-- The same at last: what can't be given on now is left to who looks next.
create function tem.leave_line(line uuid, event_id uuid) returns void language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
  if not tem.try_leave_line(leave_line.line, leave_line.event_id) then
    insert into tem.line_left (line, event_id) values (leave_line.line, leave_line.event_id);
    perform pg_notify('tem_line', '');
  end if;
end $$;

create function tem.event_leaves_line() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.state <> 'EXTINCT' or not tem.extinct_holds(new.type) then
    perform tem.leave_line(new.line, new.id);
  end if;
  return null;
end $$;

create function tem.extinct_holds(type text) returns boolean language sql stable
  return coalesce((select t.definition ->> 'orderAfterExtinct' = 'hold' from tem.event_type t where t.name = extinct_holds.type), false);

create trigger event_leaves_line after update of state on tem.event
  for each row when (old.line is not null and new.state in ('PROCESSED', 'EXTINCT', 'CANCELLED')
    and old.state not in ('PROCESSED', 'EXTINCT', 'CANCELLED'))
  execute function tem.event_leaves_line();
