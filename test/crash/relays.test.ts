// Two workers on one ledger share a backlog: each event is begun by one of them, and both do their part.

import { describe, expect, test } from 'vitest';
import { modes, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 1_000;

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    'two relays, one backlog: no event is started twice',
    async () => {
      const scene = await setup(environment);
      const truth = scene.watchTruth();
      const later = new Date(Date.now() + 1_000);
      const workers = await Promise.all([scene.startWorker(), scene.startWorker()]);
      const ids = await scene.send(
        Array.from({ length: EVENTS }, (_, index) => ({
          type: index % 3 === 0 ? 'together' : 'work',
          steps: [{ do: 'write' as const }],
          runAt: later,
        })),
      );
      await scene.untilAll('PROCESSED');
      await scene.expectEffectsOnce(ids);
      await scene.expectSomeBatched(ids);
      const begun = scene.log().filter((entry) => entry.what === 'began');
      expect(begun).toHaveLength(EVENTS);
      expect(new Set(begun.map((entry) => entry.event)).size).toBe(EVENTS);
      expect(new Set(begun.map((entry) => entry.pid))).toEqual(new Set(workers.map((worker) => worker.pid)));
      for (const { epoch, generation } of await scene.rows())
        expect({ epoch, generation }).toEqual({ epoch: 1, generation: 1 });
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
