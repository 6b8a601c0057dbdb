// How a sweep's shops are divided into slices.

import { expect, test } from 'vitest';
import { grouped as groupedFor, SLICE_PRODUCTS_MAX } from '../../../src/features/price/rules/slices.ts';

const IN_FLIGHT = 24;
const grouped = (due: Parameters<typeof groupedFor>[0]) => groupedFor(due, IN_FLIGHT);

const shops = (count: number, due: number, name = 's') =>
  Array.from({ length: count }, (_, n) => ({ shop: `${name}${n}`, due }));

test('a shop with a slice’s worth has one of its own, and smaller ones share', () => {
  const slices = grouped([...shops(3, SLICE_PRODUCTS_MAX), ...shops(5, 400, 'small')]);
  expect(slices).toEqual([['s0'], ['s1'], ['s2'], ['small0', 'small1'], ['small2', 'small3'], ['small4']]);
});

test('more large shops than slices run at once share them, so that none waits for the end of another', () => {
  const slices = grouped(shops(240, SLICE_PRODUCTS_MAX));
  expect(slices).toHaveLength(IN_FLIGHT);
  expect(slices.flat().sort()).toEqual(
    shops(240, 1)
      .map(({ shop }) => shop)
      .sort(),
  );
});

test('in a shared slice the smallest come first, and many tiny ones are no slice each', () => {
  expect(grouped([...shops(1, 600, 'a'), ...shops(1, 100, 'b'), ...shops(1, 300, 'c')])).toEqual([['b0', 'c0', 'a0']]);
  expect(grouped(shops(120, 1)).map((slice) => slice.length)).toEqual([50, 50, 20]);
});
