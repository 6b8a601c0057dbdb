// Durations as people write them: what is one, and what is refused in words.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { milliseconds } from '../../src/core/duration.ts';

describe('a duration', () => {
  test('is a number and a unit', () => {
    expect(['250ms', '10s', '1.5s', '5m', '1h', '30d', '0s'].map(milliseconds)).toEqual([
      250, 10_000, 1_500, 300_000, 3_600_000, 2_592_000_000, 0,
    ]);
  });

  test.each(['', '10', 's', '10 s', '-1s', '1e3s', '1w', '10S', ' 10s', '10s ', 'Infinitys', '1.s', '.5s'])(
    'refuses %j in words',
    (text) => {
      expect(() => milliseconds(text)).toThrow(
        `'${text}' is not a duration: write a number and ms, s, m, h or d, such as 10s`,
      );
    },
  );

  test('of whole milliseconds keeps its value', () => {
    fc.assert(
      fc.property(fc.nat(), (n) => {
        expect(milliseconds(`${n}ms`)).toBe(n);
      }),
    );
  });
});
