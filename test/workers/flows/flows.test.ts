// Flow limits over three real workers, counted at a receiver.

import { beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { createFlowScene, mostInAWindow } from './scene.ts';

const OBEYED_WITHIN_MS = 2_000;

const scene = await createFlowScene();

beforeEach(async () => {
  await scene.pool.query('delete from tem.event');
  await scene.pool.query('delete from tem.flow');
  scene.forget();
});

test('three workers, retries counted, never make more calls in a second than the rate', async () => {
  const { put, send, left, arrivals } = scene;
  await put({ rate: { limit: 20, per: 'second' } });
  await put({ type: 'flood', rate: { limit: 20, per: 'second' } });
  await send(60, { fails: 1 });
  await waitFor(async () => (await left()) === 0, 60_000);
  expect(arrivals).toHaveLength(120);
  expect(mostInAWindow(arrivals, 'second')).toBeLessThanOrEqual(20);
  scene.forget();
  await send(100, {}, { type: 'flood' });
  await waitFor(async () => (await left()) === 0, 60_000);
  expect(arrivals).toHaveLength(100);
  expect(mostInAWindow(arrivals, 'second')).toBeLessThanOrEqual(20);
});

test('a pause is obeyed within two seconds, and so is its end; other groups go on', async () => {
  const { put, send, left, arrivals } = scene;
  await put({ group: 'halted', paused: true });
  await send(200, {}, { group: 'halted' });
  await send(20, {}, { group: 'other' });
  await waitFor(() => arrivals.filter(({ group }) => group === 'other').length === 20);
  expect(arrivals.every(({ group }) => group === 'other')).toBe(true);
  const resumedAtMs = performance.now();
  await put({ group: 'halted' });
  const first = await waitFor(() => arrivals.find(({ group }) => group === 'halted'));
  expect(first.atMs - resumedAtMs).toBeLessThan(OBEYED_WITHIN_MS);
  await put({ paused: true });
  const pausedAtMs = performance.now();
  await waitFor(() => performance.now() - pausedAtMs > OBEYED_WITHIN_MS);
  const seen = arrivals.length;
  const before = await left();
  await waitFor(() => performance.now() - pausedAtMs > 2 * OBEYED_WITHIN_MS);
  expect(arrivals.length).toBe(seen);
  expect(await left()).toBe(before);
  await put({});
  await waitFor(async () => (await left()) === 0, 60_000);
});

test('no more than the bound are in flight over all workers, and groups without room crowd nobody out', async () => {
  const { put, send, left, arrivals, inside } = scene;
  await put({ maxInFlight: 3 });
  await send(40, { holdMs: 50 });
  await waitFor(async () => (await left()) === 0, 60_000);
  expect(inside().most).toBeLessThanOrEqual(3);
  expect(inside().most).toBeGreaterThan(1);
  scene.forget();
  await put({});
  for (let group = 0; group < 30; group += 1) {
    await put({ group: `slow-${group}`, rate: { limit: 1, per: 'minute' } });
    await send(20, {}, { group: `slow-${group}` });
  }
  await send(50, {}, { group: 'quick' });
  await waitFor(() => arrivals.filter(({ group }) => group === 'quick').length === 50, 20_000);
  const slow = arrivals.filter(({ group }) => group !== 'quick');
  expect(slow.length).toBeLessThanOrEqual(30);
});

// The last one: the worker is not there any more.
test('a rate holds for a group, and is used on, while one of the workers is killed', async () => {
  const { put, send, left, arrivals, workers } = scene;
  await put({ group: 'shop', rate: { limit: 40, per: 'second' } });
  await send(200, { holdMs: 20 }, { group: 'shop' });
  await waitFor(() => arrivals.length > 60, 60_000);
  workers[0]?.kill('SIGKILL');
  await waitFor(async () => (await left()) === 0, 60_000);
  // What the killed one had under way may have been there once more.
  expect(arrivals.length).toBeGreaterThanOrEqual(200);
  expect(mostInAWindow(arrivals, 'second')).toBeLessThanOrEqual(40);
});
