// An event that kills its worker late, and one whose compensation does.

import { describe, expect, test } from 'vitest';
import { COMPENSATION_POISON_ERROR } from '../../../src/core/attempt/settle.ts';
import { POISON_ERROR } from '../../../src/core/ledger/begin.ts';
import { keepWorkers } from '../poison.ts';
import { MODES, setup } from '../setup.ts';

const EXTINCT_WITHIN_MS = 600_000;

describe.each(MODES)('events run $mode', ({ environment }) => {
  // Temporal gives the run to another worker before the lease of the dead one is over.
  test('an event that kills its worker late in its attempt, and a compensation that does, end all the same', async () => {
    const scene = await setup(environment);
    const crash = { do: 'crash' as const, unless: 'cured' };
    const [late, undoing] = (await scene.send([
      { steps: [{ do: 'sleep', ms: 11_000 }, crash] },
      { type: 'compensated', steps: [{ do: 'failForGood' }], compensation: [{ do: 'sleep', ms: 50 }, crash] },
    ])) as [string, string];
    const workers = keepWorkers(scene, [late, undoing], EXTINCT_WITHIN_MS);
    await workers.ended;
    expect((await scene.row(late)).last_error).toBe(POISON_ERROR);
    expect(await scene.row(undoing)).toMatchObject({ crash_count: 5, compensation_error: COMPENSATION_POISON_ERROR });
    expect(workers.started()).toBeLessThanOrEqual(11);
  });
});
