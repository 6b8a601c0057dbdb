// Rule 12: ids commit in order, so that whoever follows its last id misses nothing. And the inbox that they number.

import fc from 'fast-check';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { createEventTypes } from '../../../src/core/event-types.ts';
import { notification } from '../../../src/features/notifications/event-types.ts';
import { acknowledge, lastId, readAfter, readInbox } from '../../../src/features/notifications/store.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';
import { deliver, handleOpen } from './deliver.ts';

const PAGE = { rows: 100, bytes: 1_000_000 };

async function titlesAfter(pool: pg.Pool, user: string, after: string): Promise<string[]> {
  const [page] = await readAfter(pool, [{ user, after }], PAGE);
  return page?.notifications.map(({ title }) => title) ?? [];
}

describe('the payload', () => {
  const types = createEventTypes([notification]);
  test.each([
    [{ user: 'ada', title: 'Hi', body: '' }, undefined],
    [{ user: 'ada', title: 'Hi', body: 'x', data: { any: [1, null, 'json'] } }, undefined],
    [{ user: '', title: 'Hi', body: '' }, '/user'],
    [{ user: 'ada', title: '', body: '' }, '/title'],
    [{ user: 'ada', title: '  ', body: '' }, '/title'],
    [{ user: 'a\nb', title: 'Hi', body: '' }, '/user'],
    [{ user: 'x'.repeat(257), title: 'Hi', body: '' }, '/user'],
    [{ user: 'ada', title: 'x'.repeat(501), body: '' }, '/title'],
    [{ user: 'ada', title: 'Hi', body: 'x'.repeat(10_001) }, '/body'],
    [{ user: 'ada', title: 'Hi', body: '', data: 'x'.repeat(33_000) }, '/data'],
    [{ user: 'ada', title: 'Hi' }, '/body'],
    [{ user: 'ada', title: 'Hi', body: '', extra: 1 }, '/extra'],
    [{ user: 7, title: 'Hi', body: '' }, '/user'],
    [null, ''],
  ])('%j is refused at %s', (payload, path) => {
    expect(types.refusal(notification, payload)?.path).toBe(path);
  });
});

describe('ids', () => {
  test('rise by one per user, in the order of the batch', async () => {
    const { pool } = await createDatabase();
    await deliver(pool, [
      { user: 'ada', title: 'a1' },
      { user: 'bob', title: 'b1' },
      { user: 'ada', title: 'a2' },
    ]);
    await deliver(
      pool,
      [
        { user: 'bob', title: 'b2' },
        { user: 'ada', title: 'a3' },
      ],
      { oneByOne: true },
    );
    const [ada, bob] = await readAfter(
      pool,
      [
        { user: 'ada', after: '0' },
        { user: 'bob', after: '0' },
      ],
      PAGE,
    );
    expect(ada?.notifications.map(({ id, title }) => [id, title])).toEqual([
      ['1', 'a1'],
      ['2', 'a2'],
      ['3', 'a3'],
    ]);
    expect(bob?.notifications.map(({ id, title }) => [id, title])).toEqual([
      ['1', 'b1'],
      ['2', 'b2'],
    ]);
    expect(await lastId(pool, 'ada')).toBe('3');
    expect(await lastId(pool, 'nobody')).toBe('0');
  });

  test('an event that is handled again adds nothing', async () => {
    const { pool } = await createDatabase();
    const [event = ''] = await deliver(pool, [{ user: 'ada', title: 'once' }]);
    await deliver(pool, [
      { user: 'ada', title: 'once', event },
      { user: 'ada', title: 'new' },
    ]);
    await deliver(pool, [{ user: 'ada', title: 'once', event }], { oneByOne: true });
    expect(await titlesAfter(pool, 'ada', '0')).toEqual(['once', 'new']);
    expect(await lastId(pool, 'ada')).toBe('2');
  });

  test('a rolled back attempt leaves no hole', async () => {
    const { pool } = await createDatabase();
    const open = await handleOpen(pool, [{ user: 'ada' }]);
    await open.rollback();
    await deliver(pool, [{ user: 'ada', title: 'first' }]);
    expect(await lastId(pool, 'ada')).toBe('1');
  });

  test.each([true, false])(
    'a later transaction waits for an open one, so that after misses nothing (one by one: %s)',
    async (oneByOne) => {
      const { pool } = await createDatabase();
      const earlier = await handleOpen(pool, [{ user: 'ada', title: 'earlier' }], { oneByOne });
      let laterCommitted = false;
      const later = deliver(pool, [{ user: 'ada', title: 'later' }], { oneByOne }).then(() => {
        laterCommitted = true;
      });
      await waitFor(
        async () =>
          (
            await pool.query(
              `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
            )
          ).rowCount,
      );
      // Somebody else's notification is not held up.
      await deliver(pool, [{ user: 'bob' }], { oneByOne });
      expect(laterCommitted).toBe(false);
      expect(await titlesAfter(pool, 'ada', '0')).toEqual([]);
      await earlier.commit();
      await later;
      const [page] = await readAfter(pool, [{ user: 'ada', after: '0' }], PAGE);
      expect(page?.notifications.map(({ id, title }) => [id, title])).toEqual([
        ['1', 'earlier'],
        ['2', 'later'],
      ]);
    },
  );

  test('a reader that follows its last id sees everything once, whatever commits when', async () => {
    const { pool } = await createDatabase();
    const users = ['ada', 'bob', 'eve'];
    const seen = new Map(users.map((user) => [user, [] as string[]]));
    const cursors = new Map(users.map((user) => [user, '0']));
    const readOnce = async (): Promise<void> => {
      const pages = await readAfter(
        pool,
        users.map((user) => ({ user, after: cursors.get(user) ?? '0' })),
        { rows: 7, bytes: 1_000_000 },
      );
      pages.forEach(({ notifications }, index) => {
        const user = users[index] ?? '';
        seen.get(user)?.push(...notifications.map(({ title }) => title));
        cursors.set(user, notifications.at(-1)?.id ?? cursors.get(user) ?? '0');
      });
    };
    let writing = true;
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let turn = 0; turn < 30; turn += 1) {
        const batch = Array.from({ length: 1 + ((writer + turn) % 5) }, (_each, n) => ({
          user: users[(writer * 7 + turn * 3 + n) % users.length] ?? '',
          title: `${writer}/${turn}/${n}`,
        }));
        await deliver(pool, batch, { oneByOne: turn % 10 === 0 && batch.length === 1, told: false });
      }
    });
    const reader = (async () => {
      while (writing) await readOnce();
    })();
    await Promise.all(writers);
    writing = false;
    await reader;
    for (let more = true; more; ) {
      const before = [...seen.values()].flat().length;
      await readOnce();
      more = [...seen.values()].flat().length > before;
    }
    const { rows } = await pool.query<{ user: string; title: string }>(
      'select "user", title from tem.notification order by "user", id',
    );
    for (const user of users)
      expect(seen.get(user)).toEqual(rows.filter((row) => row.user === user).map(({ title }) => title));
    expect(rows.length).toBeGreaterThan(400);
  });

  test('batches over the same users in any order never deadlock', async () => {
    const { pool } = await createDatabase();
    const batches = fc.sample(fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e', 'f', 'g'], { minLength: 3 }), 120);
    await Promise.all(
      batches.map((users) =>
        deliver(
          pool,
          users.map((user) => ({ user })),
          { told: false },
        ),
      ),
    );
    const { rows } = await pool.query(
      'select count(*)::int as n, sum((id = 1)::int)::int as users from tem.notification',
    );
    expect(rows[0]).toEqual({ n: batches.flat().length, users: 7 });
  });
});

describe('pages', () => {
  test('end at the number of rows or at the bytes, and say whether there is more', async () => {
    const { pool } = await createDatabase();
    await deliver(
      pool,
      Array.from({ length: 5 }, (_, n) => ({ user: 'ada', title: `${n}`, body: 'x'.repeat(1_000) })),
    );
    const read = async (after: string, rows: number, bytes: number) => {
      const [page] = await readAfter(pool, [{ user: 'ada', after }], { rows, bytes });
      return [page?.notifications.length, page?.more];
    };
    expect(await read('0', 3, 1_000_000)).toEqual([3, true]);
    expect(await read('3', 3, 1_000_000)).toEqual([2, false]);
    expect(await read('0', 10, 1_500)).toEqual([2, true]);
    expect(await read('0', 10, 1)).toEqual([1, true]);
    expect(await read('5', 10, 1)).toEqual([0, false]);
  });

  test("acknowledging marks once, and only the user's own", async () => {
    const { pool } = await createDatabase();
    await deliver(pool, [{ user: 'ada' }, { user: 'ada' }, { user: 'bob' }]);
    const [first] = await acknowledge(pool, [
      { user: 'ada', id: '1' },
      { user: 'ada', id: '1' },
      { user: 'ada', id: '9' },
      { user: 'bob', id: '2' },
    ]);
    const [again] = await acknowledge(pool, [{ user: 'ada', id: '1' }]);
    expect(first?.readAt).toMatch(/^\d{4}-.*Z$/);
    expect(again?.readAt).toBe(first?.readAt);
    const inbox = { user: 'ada', before: undefined, limit: 10 };
    expect((await readInbox(pool, { ...inbox, unread: true })).map(({ id }) => id)).toEqual(['2']);
    expect((await readInbox(pool, { ...inbox, unread: false })).map(({ id }) => id)).toEqual(['2', '1']);
    expect((await readInbox(pool, { ...inbox, unread: false, before: '2' })).map(({ id }) => id)).toEqual(['1']);
  });
});
