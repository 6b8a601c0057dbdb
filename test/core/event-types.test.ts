// Whether a payload is what its type takes: whatever the type's own code does, the answer is a refusal in words.

import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { defineEventType, type EventTypeDefinition } from '../../src/core/event-type.ts';
import { createEventTypes } from '../../src/core/event-types.ts';

function refusal(further: Partial<EventTypeDefinition>, payload: unknown) {
  const type = defineEventType({ name: 'probe', payload: {}, handle: () => {}, ...further });
  return createEventTypes([type]).refusal(type, payload);
}

const Tree = Type.Cyclic(
  {
    Node: Type.Object({ name: Type.String(), next: Type.Optional(Type.Ref('Node')) }, { additionalProperties: false }),
  },
  'Node',
);

describe('refuse', () => {
  test.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('no such table');
      },
      "can't be checked: refuse failed: no such table",
    ],
    [
      'throws no error',
      () => {
        throw undefined;
      },
      "can't be checked: refuse failed: a non-error was thrown: undefined",
    ],
    [
      'is async',
      () => Promise.reject(new Error('late')),
      "can't be checked: refuse failed: it returned neither undefined nor { path, message }",
    ],
    [
      'returns a text',
      () => 'bad',
      "can't be checked: refuse failed: it returned neither undefined nor { path, message }",
    ],
  ])('that %s refuses the payload', (_, refuse, message) => {
    expect(refusal({ refuse: refuse as never }, 1)).toEqual({ path: '', message });
  });

  test('that returns null takes the payload', () => {
    expect(refusal({ refuse: () => null as never }, 1)).toBeUndefined();
  });

  test('that quotes a secret tells no more than that there is one', () => {
    const payload = Type.Object({ pin: Type.String({ secret: true }) });
    const given = { pin: 'open sesame' };
    const quoting = (text: string): never => {
      throw new Error(text);
    };
    expect(refusal({ payload, refuse: () => quoting(`what is ${given.pin}?`) }, given)?.message).toBe(
      "can't be checked: refuse failed: what is [secret]?",
    );
    expect(refusal({ payload, refuse: () => ({ path: '/pin', message: `${given.pin} is wrong` }) }, given)).toEqual({
      path: '/pin',
      message: '[secret] is wrong',
    });
  });
});

test.each<[string, Partial<EventTypeDefinition>, string]>([
  ['no pointer', { orderBy: 'account' }, 'orderBy must be a JSON pointer'],
  ['the whole payload', { orderBy: '' }, 'orderBy must be a JSON pointer'],
  ['an escape that there is none of', { orderBy: '/a~2' }, 'orderBy must be a JSON pointer'],
  ['an end that is none', { orderAfterExtinct: 'wait' as never }, "orderAfterExtinct must be 'release' or 'hold'"],
])('an order by %s stops the start', (_, further, message) => {
  expect(() => refusal(further, {})).toThrow(message);
  expect(() => refusal({ orderBy: '/a/b~1c/0' }, {})).not.toThrow();
});

describe('a schema', () => {
  test.each<[string, unknown, string | undefined]>([
    ['the right values', ['a', 1], undefined],
    ['a wrong value', ['a', 'b'], '/1'],
    ['too few', ['a'], ''],
    ['too many', ['a', 1, 2], ''],
  ])('with a tuple judges %s', (_, given, path) => {
    const payload = Type.Tuple([Type.String(), Type.Integer()]);
    expect(refusal({ payload }, given)?.path).toBe(path);
    expect(refusal({ payload: Type.Object({ items: Type.Array(payload) }) }, { items: [given] })?.path).toBe(
      path === undefined ? undefined : `/items/0${path}`,
    );
  });

  test('with prefixItems is the one that draft 2020-12 means', () => {
    const payload = { type: 'array', prefixItems: [{ type: 'string' }], items: false } as const;
    expect(refusal({ payload }, ['a'])).toBeUndefined();
    expect(refusal({ payload }, [1])?.path).toBe('/0');
    expect(refusal({ payload }, ['a', 1])?.path).toBe('');
  });

  test('that refers to itself refuses a payload nested too deeply to be checked', () => {
    let deep: { name: string; next?: unknown } = { name: 'leaf' };
    expect(refusal({ payload: Tree }, { name: 'root', next: deep })).toBeUndefined();
    expect(refusal({ payload: Tree }, { name: 'root', next: 1 })?.path).toBe('/next');
    for (let level = 0; level < 100_000; level += 1) deep = { name: 'n', next: deep };
    expect(refusal({ payload: Tree }, deep)?.message).toMatch(/^can't be checked: /);
  });

  test('may give an $id that another type gives too', () => {
    const types = ['one', 'two'].map((name) => defineEventType({ name, payload: Tree, handle: () => {} }));
    const registry = createEventTypes(types);
    for (const type of types) expect(registry.refusal(type, { name: 'a' })).toBeUndefined();
  });

  test('that is none stops the start', () => {
    const type = defineEventType({ name: 'probe', payload: { type: 'nonsense' }, handle: () => {} });
    expect(() => createEventTypes([type])).toThrow('event type probe: payload is not a valid schema');
  });
});
