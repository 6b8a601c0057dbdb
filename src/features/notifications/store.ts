// The SQL of notifications. Rule 12 lives in `insertNotifications`: the counters of the users concerned are raised in
// the order of their names, by the last statement before the mark, and stay locked until the commit.

import type { Pool } from 'pg';
import type { Transaction } from '../../core/event-type.ts';
import type { Notification, NotificationPayload } from './messages.ts';

/** NOTIFY channel; an item is the name of a user who has something new. */
export const NOTIFICATION_CHANNEL = 'tem_notification';

export interface NewNotification {
  eventId: string;
  payload: NotificationPayload;
}

/** A place in a user's inbox: everything up to `after` is known. */
export interface Position {
  user: string;
  after: string;
}

/** What came after a position, in order of id. */
export interface Page {
  notifications: Notification[];
  /** There may be more than this page took. */
  more: boolean;
}

interface Row {
  id: string;
  event: string;
  title: string;
  body: string;
  data: unknown;
  createdAt: Date;
  readAt: Date | null;
}

const COLUMNS = `n.id, n.event_id as event, n.title, n.body, n.data, n.created_at as "createdAt", n.read_at as "readAt"`;

// Both inserts are one statement: nothing can come between the raise and the rows that take its numbers. A conflict on
// event_id can only be this very event, committed by an earlier attempt, which `fresh` then leaves out.
const INSERT = `
  with given as (
    select g.* from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) with ordinality
      as g(event_id, "user", title, body, data, n)
  ), fresh as (
    select g.*, row_number() over (partition by g."user" order by g.n desc) - 1 as behind from given g
      where not exists (select from tem.notification k where k.event_id = g.event_id)
  ), raised as (
    insert into tem.notification_counter as c ("user", last_id)
      select f."user", count(*) from fresh f group by f."user" order by f."user"
      on conflict ("user") do update set last_id = c.last_id + excluded.last_id
      returning c."user", c.last_id
  )
  insert into tem.notification ("user", id, event_id, title, body, data)
    select f."user", r.last_id - f.behind, f.event_id, f.title, f.body, f.data from fresh f join raised r using ("user")
    order by f."user", f.n`;

/** Adds notifications to their users' inboxes in the given order and tells the gateways after the commit. */
export async function insertNotifications(tx: Transaction, notifications: readonly NewNotification[]): Promise<void> {
  const payloads = notifications.map(({ payload }) => payload);
  await tx.query(INSERT, [
    notifications.map(({ eventId }) => eventId),
    payloads.map(({ user }) => user),
    payloads.map(({ title }) => title),
    payloads.map(({ body }) => body),
    payloads.map(({ data }) => (data === undefined ? null : JSON.stringify(data))),
  ]);
  for (const user of new Set(payloads.map((payload) => payload.user))) tx.notifyAfterCommit(NOTIFICATION_CHANNEL, user);
}

/** One page for each position, in their order. A page ends after `rows` entries or with the one that reaches `bytes`. */
export async function readAfter(
  pool: Pool,
  positions: readonly Position[],
  { rows: rowsMax, bytes: bytesMax }: { rows: number; bytes: number },
): Promise<Page[]> {
  const { rows } = await pool.query<Row & { index: string; page: string }>({
    name: 'notifications-after',
    text: `select p.index, n.page, ${COLUMNS} from unnest($1::text[], $2::bigint[]) with ordinality as p("user", after, index)
      cross join lateral (
        select k.*, count(*) over () as page, sum(k.size) over (order by k.id) - k.size as bytes_before from (
          select *, octet_length(title) + octet_length(body) + coalesce(pg_column_size(data), 0) as size
            from tem.notification where "user" = p."user" and id > p.after order by id limit $3
        ) k
      ) n where n.bytes_before < $4 order by p.index, n.id`,
    values: [positions.map(({ user }) => user), positions.map(({ after }) => after), rowsMax, bytesMax],
  });
  const pages = positions.map((): Page => ({ notifications: [], more: false }));
  const found = pages.map(() => 0);
  for (const row of rows) {
    const index = Number(row.index) - 1;
    pages[index]?.notifications.push(present(row));
    found[index] = Number(row.page);
  }
  return pages.map((page, index) => {
    const count = found[index] ?? 0;
    return { ...page, more: count >= rowsMax || page.notifications.length < count };
  });
}

/** The id up to which the user's notifications have been committed; '0' for a user without any. */
export async function lastId(pool: Pool, user: string): Promise<string> {
  const { rows } = await pool.query<{ last_id: string }>({
    name: 'notifications-last-id',
    text: 'select last_id from tem.notification_counter where "user" = $1',
    values: [user],
  });
  return rows[0]?.last_id ?? '0';
}

/** A page of the inbox, newest first, below the id `before`. */
export async function readInbox(
  pool: Pool,
  { user, unread, before, limit }: { user: string; unread: boolean; before: string | undefined; limit: number },
): Promise<Notification[]> {
  const { rows } = await pool.query<Row>(
    `select ${COLUMNS} from tem.notification n where n."user" = $1 and ($2::bigint is null or n.id < $2)
      ${unread ? 'and n.read_at is null' : ''} order by n.id desc limit $3`,
    [user, before ?? null, limit],
  );
  return rows.map(present);
}

/** Marks notifications as read; the first time counts. Ids that the users don't have are passed over. */
export async function acknowledge(pool: Pool, acks: readonly { user: string; id: string }[]): Promise<Notification[]> {
  const { rows } = await pool.query<Row>({
    name: 'notifications-acknowledge',
    // Locked in order of the key, as every statement over several rows is.
    text: `with wanted as (
        select k."user", k.id from tem.notification k
          join (select distinct * from unnest($1::text[], $2::bigint[]) as a("user", id)) a using ("user", id)
          order by k."user", k.id for update of k
      )
      update tem.notification n set read_at = coalesce(n.read_at, now()) from wanted w
        where n."user" = w."user" and n.id = w.id returning ${COLUMNS}`,
    values: [acks.map(({ user }) => user), acks.map(({ id }) => id)],
  });
  return rows.map(present);
}

function present({ id, event, title, body, data, createdAt, readAt }: Row): Notification {
  return { id, event, title, body, data, createdAt: createdAt.toISOString(), readAt: readAt?.toISOString() ?? null };
}

/** One of everybody's, as a list shows it. */
export type Recent = Pick<Notification, 'id' | 'event' | 'title' | 'createdAt' | 'readAt'> & { user: string };

/** Newest first by the ids of their events, which rise with time and have an index; below the event `before`. */
export async function listRecent(pool: Pool, before: string | undefined, limit: number): Promise<Recent[]> {
  const { rows } = await pool.query<Pick<Row, 'id' | 'event' | 'title' | 'createdAt' | 'readAt'> & { user: string }>(
    `select n."user", n.id, n.event_id as event, n.title, n.created_at as "createdAt", n.read_at as "readAt"
      from tem.notification n where ($1::uuid is null or n.event_id < $1) order by n.event_id desc limit $2`,
    [before ?? null, limit],
  );
  return rows.map(({ createdAt, readAt, ...row }) => ({
    ...row,
    createdAt: createdAt.toISOString(),
    readAt: readAt?.toISOString() ?? null,
  }));
}

const COUNTED_MAX = 1_000;
interface BoundedCount {
  count: number;
  isExact: boolean;
}

export async function inboxState(
  pool: Pool,
  user: string,
): Promise<{ lastId: string; unread: BoundedCount; kept: BoundedCount }> {
  const { rows } = await pool.query<{ lastId: string | null; unread: number; kept: number }>(
    `select (select last_id from tem.notification_counter where "user" = $1) as "lastId",
      (select count(*) from (select from tem.notification where "user" = $1 and read_at is null
        limit ${COUNTED_MAX + 1}) counted)::int as unread,
      (select count(*) from (select from tem.notification where "user" = $1
        limit ${COUNTED_MAX + 1}) counted)::int as kept`,
    [user],
  );
  const bounded = (count = 0): BoundedCount => ({ count: Math.min(count, COUNTED_MAX), isExact: count <= COUNTED_MAX });
  return { lastId: rows[0]?.lastId ?? '0', unread: bounded(rows[0]?.unread), kept: bounded(rows[0]?.kept) };
}

const ERASED_MAX = 1_000;

/** Deletes a slice of a user's inbox, and the counter of its ids when nothing is left; resolves to how many rows. */
export async function eraseInbox(client: Pick<Pool, 'query'>, user: string): Promise<number> {
  const { rowCount } = await client.query(
    `delete from tem.notification where "user" = $1 and id in (
       select id from tem.notification where "user" = $1 order by id limit ${ERASED_MAX})`,
    [user],
  );
  if (rowCount) return rowCount;
  const counter = await client.query('delete from tem.notification_counter where "user" = $1', [user]);
  return counter.rowCount ?? 0;
}
