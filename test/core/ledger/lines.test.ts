// Events of one value (`orderBy`): one has its turn, the others wait in the order in which they were committed, and the next
// one's turn comes in the transaction that ends the one before.

import { beforeEach, expect, test } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { cancelEvent } from '../../../src/core/ledger/cancel.ts';
import { getEvent } from '../../../src/core/ledger/events.ts';
import { endExpired } from '../../../src/core/ledger/expire.ts';
import { giveTurnsOn, lookAfterLines } from '../../../src/core/ledger/lines.ts';
import { prune } from '../../../src/core/ledger/prune.ts';
import { retryEvent } from '../../../src/core/ledger/retry.ts';
import { createLinesBench, DAY_MS } from './lines-bench.ts';

const { pool, reset, register, add, enqueue, open, due, behind, attempt } = await createLinesBench();

beforeEach(async () => {
  await register('release');
  await reset();
});

test('events of one value have their turn one at a time, in order, and other values and types go on', async () => {
  const ids = [await add('a'), await add('a'), await enqueue(pool, 'a'), await add('a')];
  const other = await add('b');
  const [, second, third, last] = ids as [string, string, string, string];
  await acceptEvents(pool, [{ type: 'plain', payload: { account: 'a' }, source: 'test' }]);
  expect(await due()).toHaveLength(3);
  expect(await due()).toEqual(expect.arrayContaining([ids[0], other]));
  expect(await behind(last)).toBe(ids[0]);
  await attempt(ids[0] as string, 'retry');
  expect(await due()).not.toContain(second);
  expect(await behind(second)).toBe(ids[0]);
  expect((await retryEvent(pool, ids[0] as string, 'somebody')).outcome).toBe('done');
  for (const id of ids) {
    expect(await due()).toContain(id);
    await attempt(id, 'processed');
  }
  expect(await behind(third)).toBeNull();
  expect((await pool.query('select * from tem.line')).rows).toHaveLength(1);
});

test('a set has its order, a number and a text that are written alike are one value, and without a value there is no order', async () => {
  const [one, two, three, without] = await acceptEvents(
    pool,
    [{ account: '1' }, { account: 1 }, { account: 1.0 }, {}, { account: null }].map((payload) => ({
      type: 'entry',
      payload,
      source: 'test',
    })),
  );
  expect(await due()).toHaveLength(3);
  expect(await due()).toEqual(expect.arrayContaining([one?.id, without?.id]));
  await attempt(one?.id as string, 'processed');
  expect(await due()).toContain(two?.id);
  expect(await behind(three?.id as string)).toBe(two?.id);
});

test('of two open transactions the one that adds second waits, and who commits first comes first', async () => {
  const [one, other] = [await open(), await open()];
  // Begun first, with the older snapshot and id, but it adds later.
  await one.query('select 1');
  const first = await enqueue(other, 'a');
  let isAdded = false;
  const second = enqueue(one, 'a').then((id) => {
    isAdded = true;
    return id;
  });
  // It waits for the other's line, while another value goes on.
  await expect
    .poll(async () => (await pool.query(`select from pg_stat_activity where wait_event_type = 'Lock'`)).rowCount)
    .toBeGreaterThan(0);
  await add('b');
  expect(isAdded).toBe(false);
  await other.query('commit');
  const later = await second;
  await one.query('commit');
  expect(await due()).toContain(first);
  expect(await behind(later)).toBe(first);
});

test('who rolls back leaves its place to the one that waited for it', async () => {
  const [one, other] = [await open(), await open()];
  await enqueue(one, 'a');
  const second = enqueue(other, 'a');
  await one.query('rollback');
  const id = await second;
  await other.query('commit');
  expect(await due()).toEqual([id]);
});

test('a turn that ends while somebody adds to the line waits for nobody, and is given on as soon as that has committed', async () => {
  const first = await add('a');
  const adding = await open();
  const second = await enqueue(adding, 'a');
  await attempt(first, 'processed');
  expect(await giveTurnsOn(pool)).toBe(1);
  await adding.query('commit');
  expect(await due()).toEqual([]);
  expect(await giveTurnsOn(pool)).toBe(0);
  expect(await due()).toEqual([second]);
  expect((await pool.query('select from tem.line_left')).rowCount).toBe(0);
});

test('an event that is revived before its turn was given on keeps it', async () => {
  const first = await add('a');
  const adding = await open();
  const second = await enqueue(adding, 'a');
  await attempt(first, 'extinct');
  await adding.query('commit');
  expect((await retryEvent(pool, first, 'somebody')).outcome).toBe('done');
  expect(await giveTurnsOn(pool)).toBe(0);
  expect(await due()).toEqual([first]);
  await attempt(first, 'processed');
  expect(await due()).toEqual([second]);
});

test('a repeat of a key takes no place, and a stricter isolation refuses what it can not order', async () => {
  const first = await enqueue(pool, 'a', 'k');
  await attempt(first, 'processed');
  expect(await enqueue(pool, 'a', 'k')).toBe(first);
  expect((await pool.query('select * from tem.line')).rows).toEqual([]);
  const strict = await open('repeatable read');
  await strict.query('select 1');
  await add('a');
  await expect(enqueue(strict, 'a')).rejects.toMatchObject({ code: '40001' });
});

test('an EXTINCT event lets the others go on; revived it comes next, as its number says', async () => {
  const [first, second, third] = [await add('a'), await add('a'), await add('a')];
  await attempt(first, 'extinct');
  expect(await due()).toEqual([second]);
  expect((await retryEvent(pool, first, 'somebody')).outcome).toBe('done');
  expect(await due()).toEqual([second]);
  expect(await behind(first)).toBe(second);
  await attempt(second, 'processed');
  expect(await due()).toEqual([first]);
  await attempt(first, 'processed');
  expect(await due()).toEqual([third]);
});

test('under hold an EXTINCT event keeps the others until it is revived and done, or given up', async () => {
  await register('hold');
  const [first, second, third] = [await add('a'), await add('a'), await add('a')];
  await attempt(first, 'extinct');
  expect(await due()).toEqual([]);
  expect(await behind(second)).toBe(first);
  await lookAfterLines(pool, undefined);
  expect(await due()).toEqual([]);
  await retryEvent(pool, first, 'somebody');
  expect(await due()).toEqual([first]);
  await attempt(first, 'processed');
  await attempt(second, 'extinct');
  expect(await due()).toEqual([]);
  expect(await cancelEvent(pool, second, 'somebody')).toEqual({ outcome: 'done', state: 'EXTINCT', from: 'EXTINCT' });
  expect(await due()).toEqual([third]);
  expect(await cancelEvent(pool, second, 'somebody')).toMatchObject({ outcome: 'conflict' });
});

test('an event that holds others is not pruned; when its type no longer holds, they go on', async () => {
  await register('hold');
  const [first, second] = [await add('a'), await add('a')];
  await attempt(first, 'extinct');
  const alone = await add('b', { key: 'alone' });
  await attempt(alone, 'processed');
  await pool.query(
    `update tem.event set updated_at = now() - interval '40 days' where state in ('EXTINCT', 'PROCESSED')`,
  );
  expect(await prune(pool, { retentionMs: 30 * DAY_MS, keyRetentionMs: 90 * DAY_MS })).toBe(1);
  expect((await pool.query('select line from tem.event where id = $1', [alone])).rows).toEqual([{ line: null }]);
  await register('release');
  await lookAfterLines(pool, undefined);
  expect(await due()).toEqual([second]);
  expect(await prune(pool, { retentionMs: 30 * DAY_MS, keyRetentionMs: 90 * DAY_MS })).toBe(1);
});

test('who waits for a turn can be cancelled and expires, and the line closes behind it', async () => {
  const first = await add('a');
  const cancelled = await add('a');
  const expired = await add('a', { expiresAt: new Date(Date.now() - 1_000) });
  const last = await add('a');
  expect((await cancelEvent(pool, cancelled, 'somebody')).state).toBe('CANCELLED');
  expect(await endExpired(pool, 'test')).toBe(1);
  expect(await due()).toEqual([first]);
  await cancelEvent(pool, first, 'somebody');
  expect(await due()).toEqual([last]);
  expect((await getEvent(pool, expired))?.state).toBe('EXTINCT');
});

test('a line whose event is gone is found by the sweep', async () => {
  const first = await add('a');
  const second = await add('a');
  await pool.query('delete from tem.event where id = $1', [first]);
  expect(await lookAfterLines(pool, undefined)).toBeUndefined();
  expect(await due()).toEqual([second]);
});
