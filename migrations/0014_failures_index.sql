-- Outside of a transaction: an index on a large table must not hold up those who write to it.
-- Only what has failed is in it: groups of failures, and the events of a group.
drop index concurrently if exists tem.event_failed;
create index concurrently event_failed on tem.event (fingerprint, type, updated_at, state, created_at, id)
  where state in ('FAILED', 'EXTINCT') and fingerprint is not null;
