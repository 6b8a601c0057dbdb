// How the places for requests are shared: half of what the others leave, in turns, and nothing is kept of who is gone.

import { expect, test } from 'vitest';
import { OriginPlaces } from '../../../src/core/outbound/origin-places.ts';

const TOTAL = 8;
const WAIT_MAX_MS = 60_000;
const { signal } = new AbortController();

/** Asks for places; what was granted so far is in `granted`, in order. */
function asking(places: OriginPlaces) {
  const granted: string[] = [];
  return {
    granted,
    async ask(origin: string, count: number, given: AbortSignal = signal): Promise<void> {
      for (let index = 0; index < count; index++)
        places.acquire(origin, given).then(
          () => void granted.push(origin),
          () => {},
        );
      await new Promise(setImmediate);
    },
    async free(origin: string): Promise<void> {
      places.release(origin);
      await new Promise(setImmediate);
    },
  };
}

test('each origin gets half of what the others leave', async () => {
  const { ask, granted } = asking(new OriginPlaces(TOTAL, WAIT_MAX_MS));
  await ask('a', 20);
  await ask('b', 20);
  await ask('c', 20);
  await ask('d', 20);
  expect(granted.join('')).toBe('aaaabbcd');
});

test('a place that becomes free goes round', async () => {
  const { ask, free, granted } = asking(new OriginPlaces(TOTAL, WAIT_MAX_MS));
  await ask('a', 4);
  await ask('b', 6);
  await ask('c', 6);
  expect(granted.splice(0).join('')).toBe('aaaabbc');
  for (let index = 0; index < 4; index++) await free('a');
  // In turns, until each holds half of what the other leaves.
  expect(granted.join('')).toBe('cbc');
});

test('who waits too long for a place is told so, and waits no longer', async () => {
  const places = new OriginPlaces(2, 50);
  await places.acquire('https://slow.example', signal);
  await expect(places.acquire('https://slow.example', signal)).rejects.toMatchObject({
    name: 'NoPlace',
    message: expect.stringContaining('https://slow.example'),
  });
  places.release('https://slow.example');
  expect(places.origins).toBe(0);
});

test('who gives up waits no longer, and origins without anybody are forgotten', async () => {
  const places = new OriginPlaces(TOTAL, WAIT_MAX_MS);
  const { ask, free, granted } = asking(places);
  const controller = new AbortController();
  await ask('a', 4);
  await ask('a', 3, controller.signal);
  await ask('a', 1);
  controller.abort();
  await free('a');
  expect(granted).toHaveLength(5);
  for (let index = 0; index < 4; index++) await free('a');
  expect(places.origins).toBe(0);
  await expect(places.acquire('b', controller.signal)).rejects.toThrow('abort');
  expect(places.origins).toBe(0);
});
