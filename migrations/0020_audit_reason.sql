-- Up Migration
-- Why a person made a change: given once for all that his transaction writes into the audit, also by triggers and in SQL
-- (`set local tem.reason = '...'`), unless a row has a reason of its own.
create or replace function tem.guard_audit() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
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
