// What handlers do wrong is said at their own event, and nothing else notices.

import { describe, expect, test } from 'vitest';
import { NotRetryable, RetryAfter } from '../../../src/core/errors.ts';
import { type Handle, insertEffect, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const NUL = String.fromCharCode(0);

/** Runs one attempt of an event with this handler beside one that behaves; resolves to the row of the first. */
async function outcomeOf(handle: Handle, further: Parameters<typeof typeOf>[1] = {}) {
  const bench = await createBench([
    typeOf(handle, { timeout: '10s', ...further }),
    typeOf(() => 'fine', { name: 'neighbour' }),
  ]);
  const id = await bench.accept();
  const neighbour = await bench.accept({}, 'neighbour');
  const [outcome, beside] = await Promise.all([bench.attempt(id), bench.attempt(neighbour)]);
  expect(beside).toEqual({ outcome: 'processed' });
  return { ...bench, id, outcome, event: await bench.row(id) };
}

function throwing(value: unknown): Handle {
  return () => {
    throw value;
  };
}

const unreadable = new Proxy(new Error('hidden'), {
  get() {
    throw new Error('a trap');
  },
  getPrototypeOf() {
    throw new Error('a trap');
  },
});

describe('a handler that throws', () => {
  test.each<[string, unknown, string | RegExp]>([
    ['an error', new Error('no stock'), 'no stock'],
    ['undefined', undefined, 'a non-error was thrown: undefined'],
    ['null', null, 'a non-error was thrown: null'],
    [
      'what a refused localhost gives',
      new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')]),
      'connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1',
    ],
    [
      'what Promise.any gives',
      new AggregateError([new Error('a'), 'b'], 'All promises were rejected'),
      'All promises were rejected: a; a non-error was thrown: b',
    ],
    ['a string', 'oops', 'a non-error was thrown: oops'],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), 'a non-error was thrown: {"a":1}'],
    ['a symbol', Symbol('odd'), 'a non-error was thrown: Symbol(odd)'],
    ['a big integer', 3n, `a non-error was thrown that can't be written as text`],
    ['a proxy whose traps throw', unreadable, `a non-error was thrown that can't be written as text`],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['an error whose message is no text', Object.assign(new Error(), { message: 42 }), '42'],
    ['an error with NUL and controls', new Error(`a${NUL}b\u0007c\td\ne`), 'a b c\td\ne'],
    ['an error with a lone surrogate', new Error('a\ud800b'), 'a\ufffdb'],
  ])('%s fails its own attempt and says so', async (_, value, text) => {
    const { outcome, event } = await outcomeOf(throwing(value));
    expect(outcome).toMatchObject({ outcome: 'retry', attempt: 1 });
    expect(event).toMatchObject({ state: 'FAILED', retry_count: 1, last_error: text });
  });

  test('an error with a huge message keeps 8 KiB of it, cut at a character', async () => {
    const { event } = await outcomeOf(throwing(new Error('é'.repeat(100_000))));
    expect(Buffer.byteLength(event.last_error ?? '')).toBeLessThanOrEqual(8_192);
    expect(event.last_error).toMatch(/^é{4000,}…$/);
  });

  test('NotRetryable ends EXTINCT at once, also when it comes from another copy of TEM', async () => {
    const copied = Object.assign(new Error('gone'), { name: 'NotRetryable' });
    for (const error of [new NotRetryable('gone'), copied]) {
      const { outcome, event, history, id } = await outcomeOf(throwing(error));
      expect(outcome).toEqual({ outcome: 'extinct' });
      expect(event).toMatchObject({ state: 'EXTINCT', retry_count: 1, last_error: 'gone', next_retry_at: null });
      expect(await history(id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> EXTINCT']);
    }
  });

  test('RetryAfter is obeyed, also when it comes from another copy of TEM', async () => {
    const copied = Object.assign(new Error('busy'), { name: 'RetryAfter', delayMs: 47_000 });
    for (const error of [new RetryAfter('busy', 47_000), copied]) {
      const { outcome, event } = await outcomeOf(throwing(error));
      expect(outcome).toMatchObject({ outcome: 'retry', delayMs: 47_000 });
      expect(event).toMatchObject({ last_error: 'busy', delay_ms: 47_000 });
    }
  });

  test.each([Number.NaN, -1, 'soon', undefined])(
    'RetryAfter with the delay %s falls back to the backoff',
    async (delay) => {
      const { event } = await outcomeOf(throwing(new RetryAfter('busy', delay as number)));
      expect(event).toMatchObject({ state: 'FAILED', delay_ms: 1_000 });
    },
  );

  test('RetryAfter for ever waits a day', async () => {
    const { event } = await outcomeOf(throwing(new RetryAfter('busy', Number.POSITIVE_INFINITY)));
    expect(event).toMatchObject({ state: 'FAILED', delay_ms: 24 * 3_600_000 });
  });

  test('the last of its attempts ends EXTINCT without FAILED between', async () => {
    const { outcome, event, history, id } = await outcomeOf(throwing(new Error('never')), {
      retry: { maxAttempts: 1 },
    });
    expect(outcome).toEqual({ outcome: 'extinct' });
    expect(event).toMatchObject({ state: 'EXTINCT', retry_count: 1 });
    expect(await history(id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> EXTINCT']);
  });
});

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const nested = (levels: number): unknown => {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
};

describe('a handler that returns', () => {
  test.each<[string, unknown, RegExp]>([
    ['a big integer', { n: 3n }, /can't be written as JSON.*BigInt/],
    ['a cycle', cycle, /can't be written as JSON.*circular/],
    ['a function', () => {}, /can't be written as JSON: it is a function/],
    ['a symbol', Symbol('odd'), /can't be written as JSON: it is a symbol/],
    ['3 MB', 'x'.repeat(3_000_000), /has 3000002 bytes; at most 262144 are kept/],
    ['a NUL', { text: NUL }, /holds a NUL or a lone surrogate/],
    ['a lone surrogate', ['\udc00'], /holds a NUL or a lone surrogate/],
    [
      'an object whose toJSON throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
      /can't be written as JSON: no/,
    ],
    ['100,000 levels of arrays', nested(100_000), /JSON|stack/],
  ])('%s fails its own attempt and says so', async (_, value, text) => {
    const { outcome, event } = await outcomeOf(() => value);
    expect(outcome).toMatchObject({ outcome: 'retry' });
    expect(event).toMatchObject({ state: 'FAILED', retry_count: 1, result: null });
    expect(event.last_error).toMatch(text);
  });

  test.each<[string, unknown, unknown]>([
    ['nothing', undefined, null],
    ['null', null, null],
    ['text that looks like an escape', 'C:\\u0000', 'C:\\u0000'],
    ['an emoji', '👍', '👍'],
    ['a number that is none', { n: Number.NaN }, { n: null }],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ])('%s is processed', async (_, value, result) => {
    const { outcome, event } = await outcomeOf(() => value);
    expect(outcome).toEqual({ outcome: 'processed' });
    expect(event).toMatchObject({ state: 'PROCESSED', result });
  });

  test('what Postgres nests less deeply than JavaScript fails like any other result', async () => {
    for (const levels of [2_000, 4_000, 6_000, 8_000]) {
      const { event } = await outcomeOf(() => nested(levels));
      expect(['PROCESSED', 'FAILED']).toContain(event.state);
    }
  });
});

describe('a handler in its transaction', () => {
  test('that swallows a failed query fails, and says so', async () => {
    const { event, effects, id } = await outcomeOf(async (each, { tx }) => {
      await insertEffect(tx, each.id);
      await tx.query('select 1 / 0').catch(() => {});
    });
    expect(event).toMatchObject({
      state: 'FAILED',
      retry_count: 1,
      last_error: expect.stringContaining('current transaction is aborted'),
    });
    expect(await effects(id)).toBe(0);
  });

  test('that breaks a constraint which is checked at COMMIT fails with its text', async () => {
    const { event, effects, id } = await outcomeOf(async (each, { tx }) => {
      await insertEffect(tx, each.id);
      await insertEffect(tx, each.id);
    });
    expect(event).toMatchObject({
      state: 'FAILED',
      retry_count: 1,
      last_error: expect.stringContaining('duplicate key value'),
    });
    expect(await effects(id)).toBe(0);
  });

  test('that throws has its writes rolled back', async () => {
    const { event, effects, id } = await outcomeOf(async (each, { tx }) => {
      await insertEffect(tx, each.id);
      throw new Error('after all');
    });
    expect(event).toMatchObject({ state: 'FAILED', last_error: 'after all' });
    expect(await effects(id)).toBe(0);
  });

  test('that is in the middle of a query at its limit is ended there', async () => {
    const { event, dependencies } = await outcomeOf(
      async (_, { tx }) => {
        await tx.query('select pg_sleep(60)');
      },
      { timeout: '200ms' },
    );
    expect(event).toMatchObject({ state: 'FAILED', last_error: 'the attempt timed out after 200 ms' });
    expect(dependencies.handlersPool.totalCount).toBe(dependencies.handlersPool.idleCount);
  });
});
