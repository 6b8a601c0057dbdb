// Where the relay goes on looking in a lane: never past what may still commit.

import { describe, expect, test } from 'vitest';
import { createPositions } from '../../../src/workers/relay/positions.ts';

const LATE_MAX_MS = 5_000;
const LANES_MAX = 1_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** The time of Postgres at a second. */
const at = (second: number): string => `2026-01-01 00:00:${String(second).padStart(2, '0')}+00`;

function setup() {
  const positions = createPositions();
  return {
    positions,
    /** At a second of the clock the lane begins with what is due at another. */
    set: (second: number, due: number, group = '') => positions.set(place(due, group), second * 1_000),
    looked: (second: number) => positions.looked(second * 1_000),
    trusted: () => positions.trusted().map(({ from }) => from),
  };
}

function place(due: number, group = '') {
  return { type: 'note', lane: 0, priority: 3, group, from: at(due), fromId: '00000000-0000-7000-8000-000000000000' };
}

describe('the place of a lane', () => {
  test('is trusted once a look began so late that transactions of that time had committed', () => {
    const { set, looked, trusted } = setup();
    set(20, 10);
    looked(20 + LATE_MAX_MS / 1_000 - 1);
    expect(trusted()).toEqual([]);
    looked(20 + LATE_MAX_MS / 1_000);
    expect(trusted()).toEqual([at(10)]);
  });

  test('stays behind by that time and not much more, however often it moves', () => {
    const { set, looked, trusted } = setup();
    for (let tenth = 0; tenth < 500; tenth++) {
      looked(tenth / 10);
      set(tenth / 10, Math.floor(tenth / 10));
      if (tenth < 100) continue;
      const [place] = trusted();
      expect(place && place >= at(Math.floor(tenth / 10 - 7)), `${place} at ${tenth / 10}`).toBe(true);
      expect(place && place <= at(Math.floor(tenth / 10 - 5)), `${place} at ${tenth / 10}`).toBe(true);
    }
  });

  test('goes back at once to something older that came', () => {
    const { set, looked, trusted } = setup();
    set(20, 20);
    looked(30);
    set(30, 30);
    set(31, 5);
    expect(trusted()).toEqual([at(5)]);
    looked(40);
    expect(trusted()).toEqual([at(5)]);
    set(40, 40);
    looked(50);
    expect(trusted()).toEqual([at(40)]);
  });

  test('moves on where nothing is due, and only there', () => {
    const { positions, set, looked } = setup();
    set(20, 10, 'empty');
    set(20, 10, 'not empty');
    positions.setEmpty([place(10, 'not empty')], at(30), 30_000);
    looked(40);
    expect(positions.trusted()).toEqual([{ ...place(30, 'empty'), fromId: FIRST_ID }, place(10, 'not empty')]);
  });

  test('is not moved back by a look that is older than what was claimed since', () => {
    const { positions, set, looked } = setup();
    set(20, 20);
    positions.setEmpty([], at(15), 21_000);
    looked(40);
    expect(positions.trusted()).toEqual([place(20)]);
  });

  test('is forgotten when more lanes than are kept were found since', () => {
    const { positions, set, looked } = setup();
    for (const group of ['a', 'b']) set(1, 1, group);
    for (let index = 2; index < LANES_MAX; index++) set(1, 1, `group ${index}`);
    set(1, 2, 'a');
    set(1, 1, 'one more');
    looked(10);
    const groups = positions.trusted().map(({ group }) => group);
    expect(groups).toHaveLength(LANES_MAX);
    expect(groups).toContain('a');
    expect(groups).not.toContain('b');
  });
});
