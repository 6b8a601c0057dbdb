// An event that kills its worker: it ends EXTINCT instead of killing workers for ever, and its neighbours never pay.

import { describe, expect, test } from 'vitest';
import { COMPENSATION_POISON_ERROR } from '../../../src/core/attempt/settle.ts';
import { POISON_ERROR } from '../../../src/core/ledger/begin.ts';
import type { TemProcess } from '../../support/processes.ts';
import { MODES, type Scene, setup } from '../setup.ts';

const ALL_CRASHES_MS = 600_000;

/** Starts a worker whenever the last one has died, until these events have ended; the last one lives on. */
function keepWorkers(scene: Scene, poisons: string[]) {
  let started = 0;
  const ended = scene.untilAll('EXTINCT', ALL_CRASHES_MS, poisons);
  const supervisor = (async () => {
    let over = false;
    while (!over) {
      started += 1;
      const worker: TemProcess = await scene.startWorker();
      over = await Promise.race([ended.then(() => true), worker.exited.then(() => false)]);
    }
  })();
  return { started: () => started, ended: supervisor };
}

describe.each(MODES)('events run $mode', ({ environment }) => {
  test('poison ends EXTINCT after its quarantine; innocents in the same batch and beside it end PROCESSED', async () => {
    const scene = await setup(environment);
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
      { type: 'compensated', steps: [{ do: 'crash', unless: 'cured' }] },
    ]);
    const poisons = [ids[30], ids[61]] as string[];
    const innocents = ids.filter((id) => !poisons.includes(id));

    const workers = keepWorkers(scene, poisons);
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
  });

  // Temporal gives the run to another worker before the lease of the dead one is over.
  test('an event that kills its worker late in its attempt, and a compensation that does, end all the same', async () => {
    const scene = await setup(environment);
    const crash = { do: 'crash' as const, unless: 'cured' };
    const [late, undoing] = (await scene.send([
      { steps: [{ do: 'sleep', ms: 11_000 }, crash] },
      { type: 'compensated', steps: [{ do: 'failForGood' }], compensation: [{ do: 'sleep', ms: 50 }, crash] },
    ])) as [string, string];
    const workers = keepWorkers(scene, [late, undoing]);
    await workers.ended;
    expect((await scene.row(late)).last_error).toBe(POISON_ERROR);
    expect(await scene.row(undoing)).toMatchObject({ crash_count: 5, compensation_error: COMPENSATION_POISON_ERROR });
    expect(workers.started()).toBeLessThanOrEqual(11);
  });
});
