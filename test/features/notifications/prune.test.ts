// Retention of the inboxes: by when an entry was read, or by its age; in slices, and without reading what stays.

import { expect, test } from 'vitest';
import { pruneInboxes } from '../../../src/features/notifications/prune.ts';
import { createDatabase } from '../../support/database.ts';
import { rowsReadBy, workerSession } from '../../support/reads.ts';

const DAY_MS = 24 * 3_600_000;
const RETENTION = { readRetentionMs: 30 * DAY_MS, unreadRetentionMs: 90 * DAY_MS };

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  let user = 0;
  return {
    session: workerSession(databaseUrl),
    /** So many entries for a new user, of this age and read so many days ago; events may be older than they are. */
    async add(count: number, given: { daysOld: number; readDaysAgo?: number; eventDaysOld?: number }) {
      user += 1;
      await pool.query(
        `insert into tem.notification ("user", id, event_id, title, body, created_at, read_at)
         select $1, n, overlay(replace(gen_random_uuid()::text, '-', '') placing
             lpad(to_hex(((extract(epoch from now()) - $3::float8 * 86400) * 1000)::bigint), 12, '0') from 1 for 12)::uuid,
           't', '', now() - $4::float8 * interval '1 day', now() - $5::float8 * interval '1 day' from generate_series(1, $2::int) n`,
        [`user ${user}`, count, given.eventDaysOld ?? given.daysOld, given.daysOld, given.readDaysAgo ?? null],
      );
      return `user ${user}`;
    },
    left: async () =>
      Object.fromEntries(
        (await pool.query('select "user", count(*)::int from tem.notification group by 1')).rows.map((row) => [
          row.user,
          row.count,
        ]),
      ),
  };
}

test('what was read goes 30 days after that, and what nobody reads after 90', async () => {
  const { session, add, left } = await setup();
  const kept = [
    await add(1, { daysOld: 89 }),
    await add(1, { daysOld: 200, readDaysAgo: 29 }),
    // Its event waited.
    await add(1, { daysOld: 1, eventDaysOld: 400 }),
  ];
  await add(2, { daysOld: 91 });
  await add(2, { daysOld: 40, readDaysAgo: 31 });
  expect(await pruneInboxes(session, RETENTION)).toBe(false);
  expect(await left()).toEqual(Object.fromEntries(kept.map((user) => [user, 1])));
});

test('it deletes a slice at a time and says when more is left', async () => {
  const { session, add, left } = await setup();
  const kept = await add(10, { daysOld: 60 });
  const read = await add(1_500, { daysOld: 60, readDaysAgo: 40 });
  expect(await pruneInboxes(session, RETENTION)).toBe(true);
  expect(await left()).toEqual({ [kept]: 10, [read]: 500 });
  expect(await pruneInboxes(session, RETENTION)).toBe(false);
  expect(await left()).toEqual({ [kept]: 10 });
});

test('it reads nothing of what stays', async () => {
  const { session, add } = await setup();
  await add(3_000, { daysOld: 60 });
  await add(3_000, { daysOld: 60, readDaysAgo: 10 });
  expect(await rowsReadBy(session, () => pruneInboxes(session, RETENTION), 'tem.notification')).toBe(0);
});
