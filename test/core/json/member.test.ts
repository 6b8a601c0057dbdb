// What a JSON text says of its members, as it was written.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memberText, twinName } from '../../../src/core/json/member.ts';

test('a member comes back letter by letter', () => {
  const text =
    '{"a":[{"payload":1}], "payload" : {"orderId":3544790567247868102,"ratio":0.2345678901234568,"a":1.0} ,"z":"}"}';
  expect(memberText(text, 'payload')?.trim()).toBe(
    '{"orderId":3544790567247868102,"ratio":0.2345678901234568,"a":1.0}',
  );
  expect(memberText(text, 'z')).toBe('"}"');
  expect(memberText(text, 'orderId')).toBeUndefined();
  expect(memberText('{"p\\u0061yload":-0.0}', 'payload')).toBe('-0.0');
  expect(memberText('{}', 'payload')).toBeUndefined();
});

test('any member of any object is found as it was written, and no name of it is a twin', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const text = JSON.stringify(object);
      for (const [name, value] of Object.entries(object)) expect(memberText(text, name)).toBe(JSON.stringify(value));
      expect(twinName(text)).toBeUndefined();
    }),
  );
});

test.each([
  ['{"k":1,"k":2}', '/k'],
  ['{"a":[{"b":1},{"b":1,"c":{"k":"x","\\u006b":2}}]}', '/a/1/c/k'],
  ['[{"k":{"k":{}}},{"k":1}]', undefined],
  ['{"k":"k","l":{"k":[1,2,{"k":3}]}}', undefined],
  ['{"a/b":1,"a/b":2}', '/a~1b'],
])('%s has the twin %s', (text, path) => expect(twinName(text)).toBe(path));
