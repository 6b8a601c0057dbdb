// Values are cut out of JSON as they are written: digits, escapes and order stay.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rawElements, rawMembers } from '../../../src/features/search-sync/target/raw-json.ts';

test('keeps every digit, escape and blank of a value', () => {
  const text = ' { "a" : 1524753829371840599 ,"b\\"c":"x\\\\" , "d":[1.10, {"e":0.0000283}] ,"f":null } ';
  expect([...rawMembers(text)]).toEqual([
    ['a', '1524753829371840599'],
    ['b"c', '"x\\\\"'],
    ['d', '[1.10, {"e":0.0000283}]'],
    ['f', 'null'],
  ]);
  expect(rawElements('[1.10, {"e":0.0000283},"]"]')).toEqual(['1.10', '{"e":0.0000283}', '"]"']);
  expect(rawElements(' [ ] ')).toEqual([]);
});

test('agrees with JSON.parse on any object', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2), (value, indent) => {
      const cut = rawMembers(JSON.stringify(value, null, indent));
      expect(Object.fromEntries([...cut].map(([key, text]) => [key, JSON.parse(text)]))).toEqual(
        JSON.parse(JSON.stringify(value)),
      );
    }),
  );
});

test('refuses what is cut off', () => {
  for (const text of ['{"a":', '{"a":"b', '{"a":[1', '["a"]', 'x']) expect(() => rawMembers(text)).toThrow(SyntaxError);
});
