-- Outside of a transaction: an index on a large table must not hold up those who write to it.
-- What an event has emitted. Nothing else is in it, and other events pay no more than a look at their source.
drop index concurrently if exists tem.event_emitted;
create index concurrently event_emitted on tem.event (source, id) where starts_with(source, 'emit ');
