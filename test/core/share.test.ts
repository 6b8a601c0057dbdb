// How something scarce is shared: whoever asks, and in whatever order, one never holds everything while another waits.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evenShare, shareLeft } from '../../src/core/share.ts';

const totals = fc.integer({ min: 1, max: 60 });

test('who takes all it may has half of what the others leave, the larger half of an odd number', () => {
  fc.assert(
    fc.property(totals, fc.nat(60), fc.nat(60), (total, own, others) => {
      const left = shareLeft(total, own, others);
      expect(left).toBeGreaterThanOrEqual(0);
      if (own + others > total) return;
      expect(own + left + others).toBeLessThanOrEqual(total);
      if (left > 0) expect(own + left).toBe(Math.ceil((total - others) / 2));
      else expect(own).toBeGreaterThanOrEqual(Math.ceil((total - others) / 2));
    }),
  );
});

test('whatever was taken and given back before, a newcomer finds something while more than one is there and none has more than its share', () => {
  fc.assert(
    fc.property(totals, fc.array(fc.tuple(fc.nat(4), fc.boolean()), { maxLength: 200 }), (total, steps) => {
      const held = [0, 0, 0, 0, 0];
      const sum = (): number => held.reduce((all, each) => all + each, 0);
      for (const [who, takes] of steps) {
        const own = held[who] as number;
        if (takes && shareLeft(total, own, sum() - own) > 0) held[who] = own + 1;
        else if (!takes && own > 0) held[who] = own - 1;
        expect(sum()).toBeLessThanOrEqual(total);
        expect(shareLeft(total, 0, sum()) > 0).toBe(sum() < total);
      }
      // One alone never takes the last.
      const most = shareLeft(total, 0);
      if (total > 1) expect(most).toBeLessThan(total);
    }),
  );
});

test('an even share is whole, at least one, and never adds up to more when there is one for each', () => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.nat(1_000), (total, count) => {
      const each = evenShare(total, count);
      expect(Number.isInteger(each)).toBe(true);
      expect(each).toBeGreaterThanOrEqual(1);
      if (count > 0 && total >= count) expect(each * count).toBeLessThanOrEqual(total);
    }),
  );
});
