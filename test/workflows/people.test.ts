// What people do to events that wait, run or end: cancel and retry now.

import { describe, expect, test } from 'vitest';
import { cancelEvent } from '../../src/core/ledger/cancel.ts';
import { retryEvent } from '../../src/core/ledger/retry.ts';
import { waitFor } from '../support/wait.ts';
import { createScene } from './scene.ts';

const scene = await createScene();
const { pool, accept, untilState, until, untilRun, untilDone, openGate, done, effects, history, event: read } = scene;

const TOMORROW = new Date(Date.now() + 86_400_000);
const PROMPTLY_MS = 2_000;
/** A machine that is busy with other tests gets so many times the time that an ordinary event takes on it. */
const BUSY_SHARE = 5;

async function promptlyMs(): Promise<number> {
  const startedAt = performance.now();
  const { id } = await accept('quick');
  await untilState(id, 'PROCESSED');
  return PROMPTLY_MS + BUSY_SHARE * (performance.now() - startedAt);
}

// Alone, because it is timed.
test('retry now ends a long wait within 2 seconds and the time that 5 ordinary events take', async () => {
  const event = await accept('patient', { plan: ['fail', 'ok'] });
  await untilState(event.id, 'FAILED');
  const first = await untilRun(event, 'RUNNING');
  const deadlineMs = await promptlyMs();
  const startedAt = performance.now();
  expect(await retryEvent(pool, event.id, 'test')).toMatchObject({ outcome: 'done', state: 'FAILED' });
  await untilDone(event.id, 'ok');
  expect(performance.now() - startedAt).toBeLessThan(deadlineMs);
  expect(await untilState(event.id, 'PROCESSED')).toMatchObject({ retry_count: 1 });
  expect(await effects(event.id)).toEqual(['done']);
  expect((await untilRun(event, 'COMPLETED')).runId).not.toBe(first.runId);
});

// Alone too. Of three the one in the middle, because the machine may be busy with other tests just then.
test.each([
  ['a cancel', 1_000, (id: string) => cancelEvent(pool, id, 'test')],
  // Then the worker asks, once a second.
  [
    'a cancel whose NOTIFY is lost',
    2_000,
    (id: string) => pool.query('update tem.event set cancel_requested = true where id = $1', [id]),
  ],
])('%s aborts the signal of an attempt within %i ms', async (_, withinMs, cancel) => {
  const tookMs: number[] = [];
  for (let tries = 0; tries < 3; tries++) {
    const event = await accept('quick', { plan: ['tellAborted'] });
    await untilDone(event.id, 'tellAborted');
    const askedAtMs = Date.now();
    await cancel(event.id);
    const told = await waitFor(async () => (await done(event.id)).find((what) => what.startsWith('aborted at')));
    tookMs.push(Number(told.slice('aborted at '.length)) - askedAtMs);
    await untilState(event.id, 'CANCELLED');
  }
  expect(tookMs.sort((a, b) => a - b)[1], String(tookMs)).toBeLessThan(withinMs);
});

describe.concurrent('retry now', () => {
  test('ends a long wait between later attempts too, and the old run makes nothing of it', async () => {
    const event = await accept('patient', { plan: ['fail', 'fail', 'fail', 'ok'] });
    for (const failures of [1, 2, 3]) {
      await until(event.id, ({ retry_count, state }) => state === 'FAILED' && retry_count === failures);
      await retryEvent(pool, event.id, 'test');
    }
    expect(await untilState(event.id, 'PROCESSED')).toMatchObject({ retry_count: 3 });
    expect(await done(event.id)).toEqual(['fail', 'fail', 'fail', 'ok']);
    expect(await effects(event.id)).toEqual(['done']);
  });

  test('is a conflict while an attempt runs and after the end', async () => {
    const event = await accept('quick', { plan: ['hold'] });
    await untilDone(event.id, 'hold');
    expect(await retryEvent(pool, event.id, 'test')).toEqual({ outcome: 'conflict', state: 'PROCESSING' });
    await openGate(event.key);
    await untilState(event.id, 'PROCESSED');
    expect(await retryEvent(pool, event.id, 'test')).toEqual({ outcome: 'conflict', state: 'PROCESSED' });
  });
});

describe.concurrent('cancel', () => {
  test('ends an event that waits in the queue, and no run starts', async () => {
    const event = await accept('quick', {}, { runAt: TOMORROW });
    expect(await cancelEvent(pool, event.id, 'test')).toMatchObject({ outcome: 'done', state: 'CANCELLED' });
    expect(await history(event.id)).toEqual(['QUEUED -> CANCELLED']);
    expect(await done(event.id)).toEqual([]);
  });

  test('stops an attempt that runs, and rolls it back', async () => {
    const event = await accept('quick', { plan: ['hold'] });
    await untilDone(event.id, 'hold');
    const deadlineMs = await promptlyMs();
    const startedAt = performance.now();
    expect(await cancelEvent(pool, event.id, 'test')).toMatchObject({ outcome: 'done', state: 'PROCESSING' });
    await untilState(event.id, 'CANCELLED');
    expect(performance.now() - startedAt).toBeLessThan(deadlineMs);
    expect(await effects(event.id)).toEqual([]);
    expect((await untilRun(event, 'COMPLETED')).searchAttributes).toMatchObject({ TemState: ['CANCELLED'] });
    expect(await history(event.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> CANCELLED']);
  });

  test('leaves a handler alone that does not obey its signal', async () => {
    const event = await accept('quick', { plan: ['holdOn'] });
    await untilDone(event.id, 'holdOn');
    await cancelEvent(pool, event.id, 'test');
    await untilState(event.id, 'CANCELLED');
    await openGate(event.key);
    await untilRun(event, 'COMPLETED');
    expect(await read(event.id)).toMatchObject({ state: 'CANCELLED' });
  });

  test('compensates an attempt that ran', async () => {
    const event = await accept('undone', { plan: ['hold'] });
    await untilDone(event.id, 'hold');
    await cancelEvent(pool, event.id, 'test');
    await untilState(event.id, 'CANCELLED');
    expect(await done(event.id)).toEqual(['hold', 'compensate: the event was cancelled']);
    expect(await effects(event.id)).toEqual(['undone']);
    expect(await history(event.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> FAILED', 'FAILED -> CANCELLED']);
  });

  test('is not put off by an attempt that fails at that moment', async () => {
    const event = await accept('patient-undone', { plan: ['holdAndFail'] });
    await untilDone(event.id, 'holdAndFail');
    // First, or the attempt may have failed before: a cancel of what waits is another thing.
    await pool.query('update tem.event set cancel_requested = true where id = $1', [event.id]);
    await openGate(event.key);
    await untilState(event.id, 'CANCELLED');
    expect(await effects(event.id)).toEqual(['undone']);
  });

  test('ends an event that waits for its next attempt, and its run', async () => {
    const event = await accept('patient', { plan: ['fail'] });
    await untilState(event.id, 'FAILED');
    expect(await cancelEvent(pool, event.id, 'test')).toMatchObject({ outcome: 'done', state: 'CANCELLED' });
    expect(await history(event.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> FAILED', 'FAILED -> CANCELLED']);
    expect((await untilRun(event, 'CANCELLED')).searchAttributes).toMatchObject({ TemState: ['CANCELLED'] });
  });

  test('ends the run of an event that waits for a later attempt', async () => {
    const event = await accept('patient', { plan: ['fail', 'fail'] });
    await untilState(event.id, 'FAILED');
    await retryEvent(pool, event.id, 'test');
    await until(event.id, ({ retry_count, state }) => state === 'FAILED' && retry_count === 2);
    expect(await cancelEvent(pool, event.id, 'test')).toMatchObject({ outcome: 'done', state: 'CANCELLED' });
    await untilRun(event, 'CANCELLED');
  });

  test('compensates an event that waits for its next attempt', async () => {
    const event = await accept('patient-undone', { plan: ['fail'] });
    await untilState(event.id, 'FAILED');
    expect(await cancelEvent(pool, event.id, 'test')).toMatchObject({ outcome: 'done' });
    await untilState(event.id, 'CANCELLED');
    expect(await done(event.id)).toEqual(['fail', 'compensate: the script says fail']);
    expect(await effects(event.id)).toEqual(['undone']);
    await untilRun(event, 'COMPLETED');
  });

  test('compensates nothing when no attempt ever began', async () => {
    const event = await accept('undone', {}, { runAt: TOMORROW });
    await cancelEvent(pool, event.id, 'test');
    await untilState(event.id, 'CANCELLED');
    expect(await done(event.id)).toEqual([]);
  });

  test('is a conflict after the end', async () => {
    const event = await accept('quick');
    await untilState(event.id, 'PROCESSED');
    expect(await cancelEvent(pool, event.id, 'test')).toEqual({ outcome: 'conflict', state: 'PROCESSED' });
  });
});
