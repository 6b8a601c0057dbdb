-- Up Migration
-- The trace that an event belongs to: W3C Trace Context, as whoever handed the event over has sent it.

-- `traceparent`, and after a space `tracestate` where there is one.
alter table tem.event add column trace_context text;

-- What a session says of its own: `set local tem.traceparent = '00-...'`. Nothing for what is no traceparent, because no
-- event is refused for its trace; counted repeats in one pattern would take thirty times as long. One expression without a
-- setting, so that Postgres inlines it.
create function tem.session_trace() returns text language sql stable parallel safe
  return case when current_setting('tem.traceparent', true) like '00-________________________________-________________-__'
      and current_setting('tem.traceparent', true) ~ '^[0-9a-f-]+$' then
    current_setting('tem.traceparent', true) || case
      when length(current_setting('tem.tracestate', true)) between 1 and 512 then ' ' || current_setting('tem.tracestate', true)
      else '' end end;

-- As the column's default it costs tem.enqueue nothing to know of it, and events that are there nothing to get it.
alter table tem.event alter column trace_context set default tem.session_trace();
