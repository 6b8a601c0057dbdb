// JSON in the browser: every number keeps its digits, every name is a name.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, Digits, readJson, writeJson } from '../../console/http/raw-json.ts';

test('numbers that a double would change are written as they were read', () => {
  const text = '{"orderId":3544790567247868102,"ratio":0.2345678901234568,"a":1.0,"e":[1e400,-0,12]}';
  const value = readJson(text);
  expect(writeJson(value)).toBe(text);
  expect(at(value, 'orderId')).toEqual(new Digits('3544790567247868102'));
  expect(at(value, 'e.2')).toBe(12);
  expect(at(value, 'e.length')).toBeUndefined();
});

test('what JSON.stringify writes is read and written the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.parse(writeJson(readJson(text)))).toEqual(JSON.parse(text));
      expect(JSON.parse(writeJson(readJson(text), 2))).toEqual(JSON.parse(text));
    }),
  );
});

test('names of the language are names, and what is no JSON is refused', () => {
  const text = '{"__proto__":1,"constructor":{"toString":"x"}}';
  expect(writeJson(readJson(text))).toBe(text);
  for (const wrong of ['', '{', '[1,]', '{"a":1}x', 'tru', '"\u0001', "{'a':1}", '01'])
    expect(() => readJson(wrong), wrong).toThrow(SyntaxError);
});
