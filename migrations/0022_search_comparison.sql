-- Up Migration
-- Where the comparison of a mapped table in the background goes on, with what it has found until there; null between two.
alter table tem.search_mapping add column comparison jsonb;
