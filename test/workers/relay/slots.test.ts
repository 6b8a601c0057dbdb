// How runs in flight are shared between types (rule 9).

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSlots, type Slots } from '../../../src/workers/relay/slots.ts';

const TOTAL = 40;
const RANDOM_RUNS = 300;

/** Takes all that the type may have; resolves to the workflow ids. */
function takeAll(slots: Slots, type: string): string[] {
  const taken: string[] = [];
  while (slots.allowed(type) > 0) {
    const workflowId = `${type}:${taken.length}`;
    slots.take(workflowId, { type, claimed: [], quarantine: false });
    taken.push(workflowId);
  }
  return taken;
}

describe('the slots of a worker', () => {
  test('give one type half of themselves at most, also when no other wants any', () => {
    expect(takeAll(createSlots(TOTAL), 'slow')).toHaveLength(TOTAL / 2);
  });

  test('give each further type half of what the others left, so that a late one finds some too', () => {
    const slots = createSlots(TOTAL);
    expect(['first', 'second', 'third', 'fourth'].map((type) => takeAll(slots, type).length)).toEqual([20, 10, 5, 3]);
    expect(slots.allowed('fifth')).toBeGreaterThan(0);
  });

  test('leave one for another type, however few they are', () => {
    for (let total = 2; total <= 9; total++) {
      const slots = createSlots(total);
      takeAll(slots, 'slow');
      expect(slots.allowed('quick'), `${total} slots`).toBeGreaterThan(0);
    }
  });

  test('give back what a run had once, and count a workflow id once, for what it was started for last', () => {
    const slots = createSlots(TOTAL);
    const [first] = takeAll(slots, 'slow');
    const claimed = [{ id: 'again', generation: 2 }];
    slots.take(first as string, { type: 'slow', claimed, quarantine: false });
    expect(slots.inFlight()).toBe(TOTAL / 2);
    expect(slots.olderThan(-1).find(({ workflowId }) => workflowId === first)?.claimed).toEqual(claimed);
    expect(slots.release(first as string)).toBe(true);
    expect(slots.release(first as string)).toBe(false);
    expect(slots.inFlight()).toBe(TOTAL / 2 - 1);
    expect(slots.allowed('slow')).toBe(1);
  });

  test('know whether a run in quarantine holds one', () => {
    const slots = createSlots(TOTAL);
    slots.take('poisoned', { type: 'slow', claimed: [], quarantine: true });
    expect(slots.quarantined()).toBe(true);
    slots.release('poisoned');
    expect(slots.quarantined()).toBe(false);
  });

  test('never give a type more than half or all types more than all, whatever comes and goes', () => {
    const step = fc.record({
      type: fc.constantFrom('a', 'b', 'c', 'd'),
      take: fc.boolean(),
      which: fc.nat(TOTAL),
    });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: TOTAL }), fc.array(step, { maxLength: 200 }), (total, steps) => {
        const slots = createSlots(total);
        const held: { workflowId: string; type: string }[] = [];
        steps.forEach(({ type, take, which }, index) => {
          if (take && slots.allowed(type) > 0) {
            held.push({ workflowId: `${type}:${index}`, type });
            slots.take(`${type}:${index}`, { type, claimed: [], quarantine: false });
          } else if (!take && held.length > 0) {
            const [gone] = held.splice(which % held.length, 1);
            expect(slots.release(gone?.workflowId as string)).toBe(true);
          }
          expect(slots.inFlight()).toBe(held.length);
          expect(held.length).toBeLessThanOrEqual(total);
          for (const each of ['a', 'b', 'c', 'd']) {
            const own = held.filter((run) => run.type === each).length;
            expect(own).toBeLessThanOrEqual(Math.ceil(total / 2));
            expect(slots.allowed(each)).toBeLessThanOrEqual(total - held.length);
          }
        });
      }),
      { numRuns: RANDOM_RUNS },
    );
  });
});
