// Calls that share a statement get their own answers, and one bad call fails alone.

import { expect, test } from 'vitest';
import { createGroupCommit } from '../../src/core/group-commit.ts';

const never = () => false;

test('calls of one turn share a write, and each gets its own answer', async () => {
  const writes: number[][] = [];
  const double = createGroupCommit<number, number>({
    write: async (items) => {
      writes.push(items);
      return items.map((item) => item * 2);
    },
    sizeMax: 10,
    statementsMax: 1,
    isShared: never,
  });
  expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6]);
  expect(writes).toEqual([[1, 2, 3]]);
});

test('a group is never larger and never more often under way than it may', async () => {
  let underWay = 0;
  let most = 0;
  const sizes: number[] = [];
  const write = createGroupCommit<number, number>({
    write: async (items) => {
      underWay += 1;
      most = Math.max(most, underWay);
      sizes.push(items.length);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return items;
    },
    sizeMax: 7,
    statementsMax: 2,
    isShared: never,
  });
  const items = Array.from({ length: 100 }, (_, index) => index);
  expect(await Promise.all(items.map(write))).toEqual(items);
  expect(most).toBe(2);
  expect(Math.max(...sizes)).toBe(7);
});

test('a group with a bad call is split until the bad one is alone', async () => {
  const write = createGroupCommit<number, number>({
    write: async (items) => {
      if (items.includes(13)) throw new Error('13 is refused');
      return items;
    },
    sizeMax: 100,
    statementsMax: 2,
    isShared: never,
  });
  const items = Array.from({ length: 32 }, (_, index) => index);
  const settled = await Promise.allSettled(items.map(write));
  expect(settled.filter((each) => each.status === 'rejected')).toHaveLength(1);
  expect(settled[13]).toMatchObject({ status: 'rejected', reason: new Error('13 is refused') });
});

test('an outage is told to the whole group after one try', async () => {
  let tries = 0;
  const write = createGroupCommit<number, number>({
    write: async () => {
      tries += 1;
      throw new Error('away');
    },
    sizeMax: 100,
    statementsMax: 2,
    isShared: () => true,
  });
  const settled = await Promise.allSettled([1, 2, 3, 4].map(write));
  expect(settled.every((each) => each.status === 'rejected')).toBe(true);
  expect(tries).toBe(1);
});
