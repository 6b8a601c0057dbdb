// Where the relay goes on looking in a lane: never past what may still commit.

import { describe, expect, test } from 'vitest';
import { createPositions } from '../../../src/workers/relay/positions.ts';

const LATE_MAX_MS = 5_000;
const LANES_MAX = 1_000;

function setup() {
  let nowMs = 0;
  const positions = createPositions(() => nowMs);
  return {
    positions,
    pass(ms: number) {
      nowMs += ms;
    },
    set: (second: number, group = '') => positions.set(place(second, group)),
    places: () => positions.all().map(({ from }) => from),
  };
}

function place(second: number, group = '') {
  const from = `2026-01-01 00:00:${String(second).padStart(2, '0')}+00`;
  return { type: 'note', lane: 0, priority: 3, group, from, fromId: '00000000-0000-7000-8000-000000000000' };
}

describe('the place of a lane', () => {
  test('is trusted once transactions that were open then have had their time', () => {
    const { set, pass, places } = setup();
    set(10);
    pass(LATE_MAX_MS - 1);
    expect(places()).toEqual([]);
    pass(1);
    expect(places()).toEqual([place(10).from]);
  });

  test('stays behind by that time and no more than twice that, however often it moves', () => {
    const { set, pass, places } = setup();
    for (let second = 0; second < 60; second++) {
      set(second);
      pass(1_000);
      const [trusted] = places();
      if (second < 10) continue;
      // It is the end of that second.
      expect(trusted && trusted >= place(second - 9).from, `${trusted} at ${second + 1}`).toBe(true);
      expect(trusted && trusted <= place(second - 4).from, `${trusted} at ${second + 1}`).toBe(true);
    }
  });

  test('goes back at once to something older that came', () => {
    const { set, pass, places } = setup();
    set(10);
    pass(LATE_MAX_MS);
    set(20);
    set(5);
    expect(places()).toEqual([place(5).from]);
    pass(LATE_MAX_MS);
    set(30);
    expect(places()).toEqual([place(5).from]);
  });

  test('is not moved by the newer place of another lane', () => {
    const { set, pass, positions } = setup();
    set(10, 'a');
    set(20, 'b');
    pass(LATE_MAX_MS);
    expect(positions.all()).toEqual([place(10, 'a'), place(20, 'b')]);
  });

  test('is forgotten when more lanes than are kept were touched since', () => {
    const { set, pass, positions } = setup();
    for (const group of ['a', 'b']) set(10, group);
    for (let index = 2; index < LANES_MAX; index++) set(10, `group ${index}`);
    set(11, 'a');
    set(10, 'one more');
    pass(LATE_MAX_MS);
    const groups = positions.all().map(({ group }) => group);
    expect(groups).toHaveLength(LANES_MAX);
    expect(groups).toContain('a');
    expect(groups).not.toContain('b');
  });
});
