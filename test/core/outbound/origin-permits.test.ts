// How the places for requests are shared: half of what the others leave, in turns, and nothing is kept of who is gone.

import { expect, test } from 'vitest';
import { OriginPermits } from '../../../src/core/outbound/origin-permits.ts';

const TOTAL = 8;
const { signal } = new AbortController();

/** Asks for places; what was granted so far is in `granted`, in order. */
function asking(permits: OriginPermits) {
  const granted: string[] = [];
  return {
    granted,
    async ask(origin: string, count: number, given: AbortSignal = signal): Promise<void> {
      for (let index = 0; index < count; index++)
        permits.acquire(origin, given).then(
          () => void granted.push(origin),
          () => {},
        );
      await new Promise(setImmediate);
    },
    async free(origin: string): Promise<void> {
      permits.release(origin);
      await new Promise(setImmediate);
    },
  };
}

test('each origin gets half of what the others leave', async () => {
  const { ask, granted } = asking(new OriginPermits(TOTAL));
  await ask('a', 20);
  await ask('b', 20);
  await ask('c', 20);
  await ask('d', 20);
  expect(granted.join('')).toBe('aaaabbcd');
});

test('a place that becomes free goes round', async () => {
  const { ask, free, granted } = asking(new OriginPermits(TOTAL));
  await ask('a', 4);
  await ask('b', 6);
  await ask('c', 6);
  expect(granted.splice(0).join('')).toBe('aaaabbc');
  for (let index = 0; index < 4; index++) await free('a');
  // In turns, until each holds half of what the other leaves.
  expect(granted.join('')).toBe('cbc');
});

test('who gives up waits no longer, and origins without anybody are forgotten', async () => {
  const permits = new OriginPermits(TOTAL);
  const { ask, free, granted } = asking(permits);
  const controller = new AbortController();
  await ask('a', 4);
  await ask('a', 3, controller.signal);
  await ask('a', 1);
  controller.abort();
  await free('a');
  expect(granted).toHaveLength(5);
  for (let index = 0; index < 4; index++) await free('a');
  expect(permits.origins).toBe(0);
  await expect(permits.acquire('b', controller.signal)).rejects.toThrow('abort');
  expect(permits.origins).toBe(0);
});
