// A hundred a minute over three real workers, one of them killed in the middle of a minute: never more than the limit in any
// sliding minute, counted at the receiver, and nearly all of it while there is work.

import { expect, test } from 'vitest';
import { PERIOD_MS } from '../../../../src/core/flows/rules.ts';
import { waitFor } from '../../../support/wait.ts';
import { createFlowScene, mostInAWindow } from '../scene.ts';

const LIMIT = 100;
const AT_LEAST = 93;
const WATCHED_MS = 4 * PERIOD_MS.minute;
const KILLED_AFTER_MS = 1.5 * PERIOD_MS.minute;

const scene = await createFlowScene();

/** The fewest in any sliding minute between two times. */
function fewestInAMinute(times: readonly number[], fromMs: number, toMs: number): number {
  const starts = [fromMs, ...times].filter((time) => time >= fromMs && time + PERIOD_MS.minute <= toMs);
  // Just behind an arrival: the window that lacks it.
  const counts = starts.map((start) => times.filter((time) => time > start && time <= start + PERIOD_MS.minute).length);
  return Math.min(...counts);
}

test('100 a minute for a shop hold while a worker is killed, retries counted', {
  timeout: WATCHED_MS * 2,
}, async () => {
  const { put, send, arrivals, workers } = scene;
  await put({ group: 'shop', rate: { limit: LIMIT, per: 'minute' } });
  await send(600, { fails: 0 }, { group: 'shop' });
  await send(100, { fails: 1 }, { group: 'shop' });
  const { atMs: fromMs } = await waitFor(() => arrivals[0]);
  await waitFor(() => performance.now() - fromMs > KILLED_AFTER_MS, KILLED_AFTER_MS * 2);
  workers[1]?.kill('SIGKILL');
  await waitFor(() => performance.now() - fromMs > WATCHED_MS, WATCHED_MS * 2);
  const times = arrivals.map(({ atMs }) => atMs).sort((a, b) => a - b);
  expect(mostInAWindow(arrivals, 'minute')).toBeLessThanOrEqual(LIMIT);
  const perTenSeconds = Array.from({ length: WATCHED_MS / 10_000 }, (_, index) => {
    const startMs = fromMs + index * 10_000;
    return times.filter((time) => time >= startMs && time < startMs + 10_000).length;
  });
  const fewest = fewestInAMinute(times, fromMs, fromMs + WATCHED_MS);
  expect(fewest, `in ten seconds each: ${perTenSeconds.join(' ')}`).toBeGreaterThanOrEqual(AT_LEAST);
});
