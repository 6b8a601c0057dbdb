// The incident that this product was born from: a worker died with three events in PROCESSING, and they stayed there.

import { describe, expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { modes, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const RECOVERED_WITHIN_MS = 30_000;

describe.each(modes('each its own workflow'))('events run $mode', ({ environment }) => {
  test(
    '12 events, 9 PROCESSED, 3 in PROCESSING, worker killed: a new worker ends all of them within 30 s',
    async () => {
      const scene = await setup(environment);
      const truth = scene.watchTruth();
      const quick = await scene.send(Array.from({ length: 9 }, () => ({})));
      // One has written in its open transaction, two haven't yet.
      const held = await scene.send([
        { steps: [{ do: 'write' }, { do: 'hold', gate: 'held' }] },
        { steps: [{ do: 'hold', gate: 'held' }, { do: 'write' }] },
        { steps: [{ do: 'hold', gate: 'held' }, { do: 'write' }] },
      ]);
      const worker = await scene.startWorker();
      await waitFor(async () => {
        const { PROCESSED, PROCESSING } = await scene.states();
        return PROCESSED === 9 && PROCESSING === 3 && held.every((id) => scene.logOf(id).length > 0);
      }, PATIENCE_MS);

      if (environment.TEM_BATCH === 'on') expect(await scene.runningInBatches()).toBe(3);
      await scene.kill(worker);
      scene.open('held');
      await scene.startWorker();
      await scene.untilAll('PROCESSED', RECOVERED_WITHIN_MS);

      await scene.expectEffectsOnce([...quick, ...held]);
      await scene.expectBatched(held);
      for (const { event, idempotencyKey } of scene.log()) expect(idempotencyKey).toBe(event);
      const rows = await scene.rows(held);
      expect(rows.map((row) => row.retry_count)).toEqual([0, 0, 0]);
      expect(Math.max(...rows.map((row) => row.crash_count))).toBe(1);
      expect((await scene.history(held[0] as string)).map((each) => each.to_state)).toEqual([
        'PROCESSING',
        'PROCESSING',
        'PROCESSED',
      ]);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
