-- Up Migration
-- What the queue keeps of a change, as tem.search_state says it, where triggers read it at next to no cost: 0 whole, 1 marks,
-- 2 full. Triggers from before this ask the table, and ring by tem.search_ring().
create sequence tem.search_keeps as bigint minvalue 0 start 0;
select setval('tem.search_keeps', case s.keeps when 'full' then 2 when 'marks' then 1 else 0 end) from tem.search_state s;
