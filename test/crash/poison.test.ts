// An event that kills its worker, or blocks it for good: it ends EXTINCT instead of doing so for ever, and its neighbours
// never pay.

import { describe, expect, test } from 'vitest';
import { POISON_ERROR } from '../../src/core/ledger/begin.ts';
import { keepWorkers } from './poison.ts';
import { modes, setup, TEST_TIMEOUT_MS } from './setup.ts';

const FOR_EVER_MS = 3_600_000;
const EXTINCT_WITHIN_MS = 240_000;

describe.each(modes('each its own workflow'))('events run $mode', ({ environment }) => {
  test(
    'poison ends EXTINCT after its quarantine; innocents in the same batch and beside it end PROCESSED',
    async () => {
      const scene = await setup({ ...environment, TEM_EVENT_LOOP_TIMEOUT: '3s' });
      const truth = scene.watchTruth();
      const innocent = () => ({ steps: [{ do: 'sleep' as const, ms: 200 }, { do: 'write' as const }] });
      const ids = await scene.send([
        ...Array.from({ length: 30 }, innocent),
        {
          steps: [
            { do: 'sleep', ms: 50 },
            { do: 'crash', unless: 'cured' },
          ],
        },
        ...Array.from({ length: 30 }, innocent),
        { type: 'compensated', steps: [{ do: 'block', ms: FOR_EVER_MS }] },
      ]);
      const poisons = [ids[30], ids[61]] as string[];
      const innocents = ids.filter((id) => !poisons.includes(id));

      const workers = keepWorkers(scene, poisons, EXTINCT_WITHIN_MS);
      await workers.ended;
      await scene.untilAll('PROCESSED', undefined, innocents);

      await scene.expectBatched(poisons.slice(0, 1));
      await scene.expectSomeBatched(innocents);
      for (const row of await scene.rows(poisons)) expect(row.last_error).toBe(POISON_ERROR);
      expect(await scene.effects('undone')).toEqual(new Map([[poisons[1], 1]]));
      const effects = await scene.effects();
      expect(innocents.map((id) => effects.get(id))).toEqual(innocents.map(() => 1));
      // Five crashes of each poison, both at once in the best case; the last worker lives.
      expect(workers.started()).toBeLessThanOrEqual(11);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
