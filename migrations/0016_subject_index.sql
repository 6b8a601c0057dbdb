-- Outside of a transaction: an index on a large table must not hold up those who write to it.
-- Events of a person, of the type that has many; indexes of other types that name a subject are made by a worker.
drop index concurrently if exists tem.event_subject_notification;
create index concurrently event_subject_notification on tem.event ((payload #>> '{user}'), id)
  where type = 'notification' and not pruned;
