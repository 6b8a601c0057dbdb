-- Up Migration
-- Why the documents of a mapped table can't be read just now, in Postgres's words; null while they can.
alter table tem.search_mapping add column trouble text;
