// What becomes of each nominal time, as rules with a clock of the test's own: every time is accounted for exactly once,
// whatever the clock does in between.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Accountable,
  account,
  type Before,
  decideOverlap,
  LISTED_MAX,
  LOOK_AFTER_MS,
  openTimeAt,
  stateAfter,
} from '../../../src/core/schedules/account.ts';
import { calendarFor } from '../../../src/core/schedules/schedule.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.parse('2027-01-04T10:00:30Z');
const NOTHING_BEFORE: Before = { open: [], buffered: 0 };

function schedule(given: Partial<Accountable> = {}): Accountable {
  return {
    id: 'test',
    cron: null,
    everyMs: MINUTE_MS,
    timeZone: 'UTC',
    startAt: null,
    endAt: null,
    type: 'note',
    payload: {},
    overlap: 'allowAll',
    catchupWindowMs: 10 * MINUTE_MS,
    jitterMs: 0,
    paused: false,
    note: null,
    origin: 'data',
    action: 'event',
    declaredBy: null,
    declared: null,
    revision: 1,
    createdAt: new Date(START),
    updatedAt: new Date(START),
    effectiveFrom: new Date(START),
    past: [],
    pauses: [],
    accountedUntil: new Date(START),
    nextAt: null,
    lookAt: null,
    problem: null,
    ...given,
  };
}

function counts(of: Accountable, now: number, taken = new Set<number>()): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { outcome, count } of account(of, taken, NOTHING_BEFORE, now).decisions) {
    found[outcome] = (found[outcome] ?? 0) + (count ?? 1);
  }
  return found;
}

test('what is due for 15 s is fired, and what is due for less is left to Temporal', () => {
  const due = Date.parse('2027-01-04T10:01:00Z');
  expect(counts(schedule(), due + LOOK_AFTER_MS - 1)).toEqual({});
  expect(counts(schedule(), due + LOOK_AFTER_MS)).toEqual({ fired: 1 });
  expect(counts(schedule({ jitterMs: 30_000 }), due + LOOK_AFTER_MS)).toEqual({});
});

test('after an hour in which everything was down the window is made up for, and the rest is missed', () => {
  expect(counts(schedule(), START + HOUR_MS)).toEqual({ fired: 10, missed: 50 });
  expect(counts(schedule({ overlap: 'skip' }), START + HOUR_MS)).toEqual({ fired: 1, overlap: 9, missed: 50 });
});

test('times in a pause are paused, also when it has ended meanwhile', () => {
  const pauses = [{ from: new Date(START + 3 * MINUTE_MS), to: new Date(START + 6 * MINUTE_MS) }];
  expect(counts(schedule({ pauses }), START + 8 * MINUTE_MS)).toEqual({ fired: 5, paused: 3 });
});

test('a Saturday that lies in the pause is listed as paused when it is resumed, and nothing fires then', () => {
  const monday = new Date('2027-01-04T09:00Z');
  const wednesday = new Date('2027-01-13T14:00Z');
  const saturdays = schedule({
    cron: '0 10 * * 6',
    everyMs: null,
    effectiveFrom: monday,
    accountedUntil: monday,
    pauses: [{ from: monday, to: wednesday }],
  });
  const found = account(saturdays, new Set(), NOTHING_BEFORE, wednesday.getTime() + LOOK_AFTER_MS);
  expect(found.decisions).toMatchObject([{ at: Date.parse('2027-01-09T10:00Z'), outcome: 'paused' }]);
  const after = stateAfter(saturdays, found.accountedUntil, wednesday.getTime() + LOOK_AFTER_MS);
  expect(after.nextAt).toBe(Date.parse('2027-01-16T10:00Z'));
});

test('the times of a rhythm that was changed are accounted for by that rhythm', () => {
  const changedAt = START + 5 * MINUTE_MS;
  const past = [{ ...schedule(), from: new Date(START), until: new Date(changedAt) }];
  const hourly = schedule({ everyMs: HOUR_MS, past, effectiveFrom: new Date(changedAt) });
  expect(counts(hourly, START + HOUR_MS)).toEqual({ fired: 1, missed: 5 });
  expect(openTimeAt(hourly, Date.parse('2027-01-04T10:03:00Z'))).toBeDefined();
  expect(openTimeAt(hourly, Date.parse('2027-01-04T10:08:00Z'))).toBeUndefined();
  expect(openTimeAt(hourly, Date.parse('2027-01-04T11:00:00Z'))).toBeDefined();
});

test('after a long outage the list is bounded and the sum is right', () => {
  const seconds = schedule({ everyMs: 1_000 });
  const now = START + 6 * HOUR_MS;
  let left = seconds;
  const sum: Record<string, number> = {};
  let rows = 0;
  for (let look = 0; look < 10; look += 1) {
    const found = account(left, new Set(), NOTHING_BEFORE, now);
    expect(found.decisions.length).toBeLessThanOrEqual(LISTED_MAX);
    rows += found.decisions.length;
    for (const { outcome, count } of found.decisions) sum[outcome] = (sum[outcome] ?? 0) + (count ?? 1);
    left = { ...left, accountedUntil: new Date(found.accountedUntil) };
  }
  // Due 15 s ago and not older than the window of 10 minutes, both ends included.
  expect(sum).toEqual({ missed: 6 * 3_600 - 15 - 586, fired: 586 });
  expect(rows).toBeLessThan(3_000);
});

test.each([
  ['allowAll', ['a'], 0, 'fired', undefined],
  ['skip', ['a'], 0, 'overlap', undefined],
  ['skip', [], 0, 'fired', undefined],
  ['bufferOne', ['a'], 0, 'buffered', undefined],
  ['bufferOne', ['a'], 1, 'overlap', undefined],
  ['bufferOne', [], 1, 'overlap', undefined],
  ['bufferAll', ['a'], 5, 'buffered', undefined],
  ['cancelOther', ['a', 'b'], 0, 'buffered', ['a', 'b']],
  ['cancelOther', [], 0, 'fired', undefined],
  ['terminateOther', ['a'], 0, 'fired', ['a']],
] as const)('overlap %s with %j open and %i waiting: %s', (overlap, open, buffered, outcome, cancels) => {
  expect(decideOverlap(overlap, { open: [...open], buffered })).toEqual({
    outcome,
    ...(cancels && { cancels: [...cancels] }),
  });
});

test('whatever the clock does, every time is accounted for exactly once and the sums agree', () => {
  const steps = fc.array(
    fc.record({
      // The clock goes on, jumps ahead, or is set back.
      ms: fc.oneof(
        fc.integer({ min: 0, max: 90_000 }),
        fc.integer({ min: 0, max: 2 * HOUR_MS }),
        fc.integer({ min: -HOUR_MS, max: 0 }),
      ),
      byTemporal: fc.boolean(),
      pause: fc.constantFrom('pause', 'resume', undefined),
    }),
    { minLength: 1, maxLength: 40 },
  );
  const lines = fc.constantFrom(
    { everyMs: MINUTE_MS, cron: null },
    { everyMs: null, cron: '*/7 * * * *' },
    { everyMs: null, cron: '5 10-12 * * *' },
  );
  fc.assert(
    fc.property(steps, lines, (moves, rhythm) => {
      let now = START;
      let state = schedule(rhythm);
      const accounted = new Map<number, string>();
      const once = (at: number, outcome: string): void => {
        expect(accounted.has(at)).toBe(false);
        accounted.set(at, outcome);
      };
      for (const { ms, byTemporal, pause } of moves) {
        now += ms;
        const paused = state.pauses.at(-1)?.to === null;
        if (pause === 'pause' && !paused)
          state = { ...state, pauses: [...state.pauses, { from: new Date(now), to: null }] };
        if (pause === 'resume' && paused) {
          state = {
            ...state,
            pauses: state.pauses.map((each) => (each.to === null ? { ...each, to: new Date(now) } : each)),
          };
        }
        // Temporal fires the last time that is due, in whatever order.
        const last = calendarFor(state).previous(now + 1);
        if (byTemporal && last && openTimeAt(state, last.at) && !accounted.has(last.at)) once(last.at, 'fired');
        const found = account(state, new Set(accounted.keys()), NOTHING_BEFORE, now);
        for (const { at, outcome } of found.decisions) once(at, outcome);
        const after = stateAfter(state, found.accountedUntil, now);
        state = { ...state, past: after.past, pauses: after.pauses, accountedUntil: new Date(after.accountedUntil) };
      }
      const until = state.accountedUntil.getTime();
      const wanted = [...calendarFor(state).times(START, until)].map(({ at }) => at);
      const got = [...accounted.keys()].filter((at) => at <= until).sort((one, other) => one - other);
      expect(got).toEqual(wanted);
    }),
    { numRuns: 150 },
  );
});
