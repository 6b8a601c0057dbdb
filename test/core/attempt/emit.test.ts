// Further events from a handler exist exactly when its work does.

import Type from 'typebox';
import { expect, test } from 'vitest';
import { gate, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const strict = typeOf(() => {}, { name: 'strict', payload: Type.Object({ n: Type.Integer() }) });

async function emitted(pool: Awaited<ReturnType<typeof createBench>>['pool'], key: string) {
  const { rows } = await pool.query('select id, state, source, payload from tem.event where key = $1', [key]);
  return rows;
}

test('an emitted event is there when the handler has committed, and not before', async () => {
  const before = gate();
  const emit = gate<string>();
  const { accept, attempt, pool } = await createBench([
    typeOf(async (event, context) => {
      emit.open(await context.emit('strict', { n: 1 }, { key: `${event.id}-next` }));
      await before.opened;
    }),
    strict,
  ]);
  const id = await accept();
  const running = attempt(id);
  const emittedId = await emit.opened;
  expect(await emitted(pool, `${id}-next`)).toEqual([]);
  before.open();
  await running;
  expect(await emitted(pool, `${id}-next`)).toEqual([
    { id: emittedId, state: 'QUEUED', source: `emit ${id}`, payload: { n: 1 } },
  ]);
});

test('an emitted event is not there when the handler failed', async () => {
  const { accept, attempt, pool } = await createBench([
    typeOf(async (event, { emit }) => {
      await emit('strict', { n: 1 }, { key: `${event.id}-next` });
      throw new Error('after all');
    }),
    strict,
  ]);
  const id = await accept();
  await attempt(id);
  expect(await emitted(pool, `${id}-next`)).toEqual([]);
});

test('the same key and payload is the event that is there; another payload is a KeyConflict that the handler may catch', async () => {
  const caught: unknown[] = [];
  const { accept, attempt, pool, row } = await createBench([
    typeOf(async (event, { emit }) => {
      const key = `${event.id}-next`;
      caught.push(await emit('strict', { n: 1 }, { key }), await emit('strict', { n: 1 }, { key }));
      caught.push(await emit('strict', { n: 2 }, { key }).catch((error) => error.name));
    }),
    strict,
  ]);
  const id = await accept();
  await attempt(id);
  expect(await row(id)).toMatchObject({ state: 'PROCESSED' });
  const [there] = await emitted(pool, `${id}-next`);
  expect(caught).toEqual([there.id, there.id, 'KeyConflict']);
});

test('a payload that the type refuses, or a key that is none, fails the handler in words', async () => {
  for (const [payload, key, text] of [
    [{ n: 'one' }, 'fine', 'emit strict: /n must be integer'],
    [{ n: 1 }, '', /key/],
    [{ n: 1 }, 'a\u0000b', /key/],
    [{ n: 1 }, 'x'.repeat(513), /key/],
  ] as const) {
    const { accept, attempt, row } = await createBench([
      typeOf(async (_, { emit }) => {
        await emit('strict', payload, { key });
      }),
      strict,
    ]);
    const id = await accept();
    await attempt(id);
    const event = await row(id);
    expect(event.state).toBe('FAILED');
    expect(event.last_error).toMatch(text);
  }
});

test('a name that no type can have fails the handler in words', async () => {
  const { accept, attempt, row } = await createBench([
    typeOf(async (_, { emit }) => {
      await emit('no name', {});
    }),
  ]);
  const id = await accept();
  await attempt(id);
  expect(await row(id)).toMatchObject({ state: 'FAILED', last_error: 'emit: "no name" is no name of an event type' });
});

test('an event of a type that only other workers know is accepted', async () => {
  const { accept, attempt, pool } = await createBench([
    typeOf(async (event, { emit }) => {
      await emit('of-another-worker', ['anything'], { key: `${event.id}-next`, priority: 1, group: 'g' });
    }),
  ]);
  const id = await accept();
  await attempt(id);
  expect(await emitted(pool, `${id}-next`)).toMatchObject([{ state: 'QUEUED', payload: ['anything'] }]);
});

test.each([
  ['the year 10000', new Date('9999-12-31T23:59:59-12:00')],
  ['a time before 1970', new Date(-1)],
  ['no time at all', new Date('soon')],
  ['a text', '2030-01-01T00:00:00Z'],
])('an event for %s is refused in words, and the transaction goes on', async (_, runAt) => {
  const caught: string[] = [];
  const { accept, attempt, row, pool } = await createBench([
    typeOf(async (event, { emit }) => {
      await emit('strict', { n: 1 }, { key: `${event.id}-before` });
      await emit('strict', { n: 1 }, { runAt: runAt as Date }).catch((error: Error) => caught.push(error.message));
    }),
    strict,
  ]);
  const id = await accept();
  await attempt(id);
  expect(caught).toEqual([
    'emit strict: runAt must be a time from 1970-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z',
  ]);
  expect(await row(id)).toMatchObject({ state: 'PROCESSED' });
  expect(await emitted(pool, `${id}-before`)).toHaveLength(1);
});
