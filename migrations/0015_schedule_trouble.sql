-- Up Migration
-- Runs that tem doctor tells of, without reading the others: missed ones, and those that were late by more than a minute.
create index schedule_run_trouble on tem.schedule_run (at) where outcome = 'missed' or started_at - at > interval '60 seconds';
