// Secret fields never come back.

import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { hidingSecrets, maskSecrets, restoreSecrets, SECRET_MASK } from '../../src/core/secret-fields.ts';

const Secret = Type.Object({ token: Type.String({ secret: true }), name: Type.String() });
const plain = <Value>(schema: Value): unknown => JSON.parse(JSON.stringify(schema));

it.each([
  ['a member', Secret, { token: 't', name: 'n' }, { token: SECRET_MASK, name: 'n' }],
  ['an absent member', Secret, { name: 'n' }, { name: 'n' }],
  [
    'a member of another type than promised',
    Secret,
    { token: { a: 't' }, name: 'n' },
    { token: SECRET_MASK, name: 'n' },
  ],
  ['an element', Type.Array(Secret), [{ token: 't' }, 5], [{ token: SECRET_MASK }, 5]],
  [
    'a nested member',
    Type.Object({ a: Type.Object({ b: Secret }) }),
    { a: { b: { token: 't' } } },
    { a: { b: { token: SECRET_MASK } } },
  ],
  ['a variant', Type.Union([Type.Null(), Secret]), { token: 't' }, { token: SECRET_MASK }],
  [
    'any value of a record',
    Type.Record(Type.String(), Type.String({ secret: true })),
    { a: 'x', constructor: 'y' },
    { a: SECRET_MASK, constructor: SECRET_MASK },
  ],
  ['a place of a tuple', Type.Tuple([Type.String({ secret: true }), Type.Integer()]), ['t', 5, 6], [SECRET_MASK, 5, 6]],
  ['what follows prefixItems', { prefixItems: [{}], items: { secret: true } }, [1, 2], [1, SECRET_MASK]],
  ['what follows a tuple', { items: [{}], additionalItems: { secret: true } }, [1, 2], [1, SECRET_MASK]],
  [
    'what a definition says',
    { $defs: { 'a/b': { secret: true } }, properties: { a: { $ref: '#/$defs/a~1b' } } },
    { a: 1, b: 2 },
    { a: SECRET_MASK, b: 2 },
  ],
  [
    'what an anchor says',
    { $defs: { a: { $anchor: 'here', secret: true } }, properties: { a: { $ref: '#here' } } },
    { a: 1 },
    { a: SECRET_MASK },
  ],
  [
    'each level of a schema that refers to itself',
    Type.Cyclic({ Node: Type.Object({ token: Type.String({ secret: true }), next: Type.Ref('Node') }) }, 'Node'),
    { token: 't', next: { token: 'u', next: { token: 'v' } } },
    { token: SECRET_MASK, next: { token: SECRET_MASK, next: { token: SECRET_MASK } } },
  ],
  [
    'what # means inside of a definition with an $id',
    {
      $defs: { Inner: { $id: 'Inner', properties: { secret: { secret: true }, again: { $ref: '#' } } } },
      $ref: 'Inner',
    },
    { again: { secret: 1 } },
    { again: { secret: SECRET_MASK } },
  ],
  [
    'what a condition says',
    {
      if: { properties: { kind: { const: 'card' } } },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word
      then: { properties: { number: { secret: true } } },
      else: { properties: { iban: { secret: true } } },
    },
    { kind: 'card', number: 1, iban: 2 },
    { kind: 'card', number: SECRET_MASK, iban: SECRET_MASK },
  ],
  [
    'what a reference names that nobody can follow',
    { properties: { a: { $ref: 'elsewhere' }, b: { secret: true } } },
    { a: 1, c: 2 },
    { a: SECRET_MASK, c: 2 },
  ],
  [
    'a schema that leads nowhere',
    {
      $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } },
      $ref: '#/$defs/a',
      properties: { x: { secret: true } },
    },
    { x: 1, y: 2 },
    { x: SECRET_MASK, y: 2 },
  ],
  ['the whole payload', Type.Object({}, { secret: true }), { a: 1 }, SECRET_MASK],
])('masks %s', (_what, schema, value, masked) => {
  expect(maskSecrets(plain(schema), value)).toEqual(masked);
});

it('passes on what has no secrets', () => {
  const value = { __proto__: null, a: [1] };
  expect(maskSecrets(plain(Type.Object({ a: Type.Array(Type.Integer()) })), value)).toBe(value);
});

it('masks everything where the payload is too deep to be looked through', () => {
  let deep: unknown = { token: 'deepest' };
  for (let level = 0; level < 100_000; level += 1) deep = { next: deep };
  const schema = { properties: { token: { secret: true }, next: { $ref: '#' } } };
  expect(maskSecrets(schema, deep)).toBe(SECRET_MASK);
  expect(hidingSecrets(schema, [deep])('deepest')).toBe(SECRET_MASK);
});

it.each([
  ['as it is', 'token hunter22 refused', 'token [secret] refused'],
  ['again and again', 'hunter22hunter22', '[secret][secret]'],
  ['written as JSON', String.raw`in {"name":"n","token":"say \"hi\"\n"}`, 'in {"name":"n","token":"[secret]"}'],
  ['inside of a structure', 'is 123456 the number of deep-one?', 'is [secret] the number of [secret]?'],
  ['with another inside of it', 'hunter22-and-more', '[secret]'],
  ['of the mask', 'secr', '[secret]'],
])('takes a secret out of a text, %s', (_, text, left) => {
  const payload = [
    { token: 'hunter22', name: 'name-22' },
    { token: 'say "hi"\n' },
    { token: { a: ['deep-one', 123456] } },
    { token: 'hunter22-and-more' },
    { token: 'secr' },
  ];
  expect(hidingSecrets(plain(Type.Array(Secret)), [payload])(text)).toBe(left);
});

it('leaves texts alone where the value is short or no secret', () => {
  const hide = hidingSecrets(plain(Secret), [{ token: 'abc', name: 'name-22' }]);
  expect(hide('abc of name-22')).toBe('abc of name-22');
});

it.each([
  ['a member', Secret, { token: SECRET_MASK, name: 'new' }, { token: 't', name: 'n' }, { token: 't', name: 'new' }],
  ['a new secret', Secret, { token: 'new', name: 'n' }, { token: 't', name: 'n' }, { token: 'new', name: 'n' }],
  [
    'elements in another order',
    Type.Array(Secret),
    [
      { token: SECRET_MASK, name: 'b' },
      { token: 'new', name: 'c' },
      { token: SECRET_MASK, name: 'a' },
    ],
    [
      { token: 'of a', name: 'a' },
      { token: 'of b', name: 'b' },
    ],
    [
      { token: 'of b', name: 'b' },
      { token: 'new', name: 'c' },
      { token: 'of a', name: 'a' },
    ],
  ],
  ['no secret', Secret, { name: SECRET_MASK }, { token: 't', name: 'n' }, { name: SECRET_MASK }],
])('puts back %s where the mask stands', (_what, schema, given, before, value) => {
  expect(restoreSecrets(plain(schema), given, before)).toEqual({ value });
});

it.each([
  ['nothing was there', Secret, { token: SECRET_MASK }, undefined],
  ['another member was there', Secret, { token: SECRET_MASK }, { name: 'n' }],
  ['it is not told which element is meant', Type.Array(Secret), [{ token: SECRET_MASK, name: 'x' }], [{ token: 't' }]],
])('says so when a mask stands for no secret: %s', (_what, schema, given, before) => {
  expect(restoreSecrets(plain(schema), given, before)).toBeUndefined();
});
