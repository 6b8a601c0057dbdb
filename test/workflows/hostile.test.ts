// Handlers that misbehave in a real worker process: their own event says what was wrong, and their neighbours in the same
// process lose nothing, not even an attempt.

import { afterAll, describe, expect, test } from 'vitest';
import { createScene } from './scene.ts';

const scene = await createScene();
const { pool, worker, accept, until, untilState, untilDone, openGate, effects } = scene;

// Whatever happens here, this process lives through it.
afterAll(async () => {
  const { rows } = await pool.query('select count(*)::int as crashes from tem.event where crash_count > 0');
  expect(rows).toEqual([{ crashes: 0 }]);
  expect((await worker.stop()).code).toBe(0);
});

describe.concurrent('a handler', () => {
  test.each([
    ['forget', 'a promise or timer that the handler left behind failed: nobody waits for me'],
    ['throwFromTimer', 'a promise or timer that the handler left behind failed: thrown from a timer'],
    ['throwUndefined', 'a non-error was thrown: undefined'],
    ['tooMuch', "the handler's result has 3000002 bytes; at most 262144 are kept: store it elsewhere and return where"],
    ['swallow', 'current transaction is aborted, commands ignored until end of transaction block'],
    ['atCommit', 'duplicate key value violates unique constraint "effect_uniquely_key"'],
  ])('that does %s fails its attempt, and the next is processed', async (what, error) => {
    const event = await accept('quick', { plan: [what, 'ok'] });
    expect(await until(event.id, ({ retry_count }) => retry_count === 1)).toMatchObject({ last_error: error });
    expect(await untilState(event.id, 'PROCESSED')).toMatchObject({ retry_count: 1 });
    await openGate(event.key);
    expect(await effects(event.id)).toEqual(['done']);
  });

  test('that leaves something behind which fails after its end keeps its state, and its event says so', async () => {
    const event = await accept('quick', { plan: ['forgetForLater'] });
    await untilState(event.id, 'PROCESSED');
    await openGate(event.key);
    const noted = await until(event.id, ({ last_error }) => last_error !== null);
    expect(noted).toMatchObject({
      state: 'PROCESSED',
      retry_count: 0,
      last_error: expect.stringContaining('nobody waited for me'),
    });
  });

  test('that leaves something behind which fails after its attempt has failed keeps the reason', async () => {
    const event = await accept('patient', { plan: ['forgetAndFail'] });
    await until(event.id, ({ last_error }) => last_error === 'the reason');
    await openGate(event.key);
    const noted = await until(event.id, ({ last_error }) => last_error !== 'the reason');
    expect(noted).toMatchObject({
      state: 'FAILED',
      retry_count: 1,
      last_error: expect.stringMatching(/^the reason\nafter the attempt had ended, .*: nobody waited for me$/),
    });
  });

  test('that uses the transaction of another attempt is refused', async () => {
    const leaks = await accept('quick', { plan: ['leak'] });
    await untilState(leaks.id, 'PROCESSED');
    const uses = await accept('quick', { plan: ['useLeaked', 'ok'] });
    const used = await until(uses.id, ({ retry_count }) => retry_count === 1);
    expect(used.last_error).toContain('its attempt is over');
    await untilState(uses.id, 'PROCESSED');
  });
});

describe('a handler that blocks the process for 5 seconds', () => {
  test('makes no other event fail, time out or lose an attempt', async () => {
    const held = await Promise.all(Array.from({ length: 5 }, () => accept('quick', { plan: ['hold'] })));
    const long = await accept('long', { plan: ['beat'] });
    for (const { id } of held) await untilDone(id, 'hold');
    await untilDone(long.id, 'beat');
    const blocker = await accept('quick', { plan: ['block'] });
    const beside = await Promise.all(Array.from({ length: 20 }, () => accept('quick')));
    for (const { key } of [...held, long]) await openGate(key);
    for (const { id } of [blocker, ...held, long, ...beside]) {
      expect(await untilState(id, 'PROCESSED')).toMatchObject({ retry_count: 0, crash_count: 0, last_error: null });
    }
    for (const { id } of beside) expect(await effects(id)).toEqual(['done']);
  });
});
