// Secret fields never come back.

import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { maskSecrets, SECRET_MASK } from '../../src/core/secret-fields.ts';

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
  ['the whole payload', Type.Object({}, { secret: true }), { a: 1 }, SECRET_MASK],
])('masks %s', (_what, schema, value, masked) => {
  expect(maskSecrets(plain(schema), value)).toEqual(masked);
});

it('passes on what has no secrets', () => {
  const value = { __proto__: null, a: [1] };
  expect(maskSecrets(plain(Type.Object({ a: Type.Array(Type.Integer()) })), value)).toBe(value);
});
