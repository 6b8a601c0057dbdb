// The network between the worker and Temporal goes silent for a while in the middle of 300 events: nothing is refused,
// nothing arrives. States stay true, nothing happens twice, all end PROCESSED.

import { setTimeout as delay } from 'node:timers/promises';
import { expect, inject } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { waitFor } from '../support/wait.ts';
import { PATIENCE_MS, setup } from './setup.ts';

/** `recoveredWithinMs`: how soon all are PROCESSED, from the moment in which the network is back. */
export async function silence(
  environment: Record<string, string>,
  forMs: number,
  recoveredWithinMs: number,
): Promise<void> {
  const proxy = await startProxy(inject('temporalAddress'));
  const scene = await setup(environment);
  const truth = scene.watchTruth();
  await scene.startWorker({ TEMPORAL_ADDRESS: proxy.address });
  const held = await scene.sendBatched([
    { steps: [{ do: 'write' }, { do: 'hold', gate: 'silence' }] },
    { type: 'lengthy', steps: [{ do: 'write' }, { do: 'hold', gate: 'silence' }] },
  ]);
  for (const id of held) await scene.untilLogged(id, 'holding');
  await scene.expectBatched(held.slice(0, 1));
  const ids = await scene.send(
    Array.from({ length: 200 }, (_, index) => ({
      type: (['work', 'together', 'lengthy'] as const)[index % 3] as string,
      steps:
        index % 10 === 0
          ? [{ do: 'fail' as const, times: 1 }, { do: 'write' as const }]
          : [{ do: 'sleep' as const, ms: 30 }, { do: 'write' as const }],
    })),
  );
  await waitFor(async () => Number((await scene.states()).PROCESSED) > 10, PATIENCE_MS);
  proxy.stall();
  const silent = delay(forMs);
  const meanwhile = await scene.send(Array.from({ length: 100 }, () => ({})));
  // A handler that ends during the silence is marked all the same: the ledger doesn't need Temporal for that.
  scene.open('silence');
  await scene.untilState(held[0] as string, 'PROCESSED');
  await silent;
  proxy.resume();

  await scene.untilAll('PROCESSED', recoveredWithinMs);
  await scene.expectSomeBatched(ids, 20);
  await scene.expectEffectsOnce([...held, ...ids, ...meanwhile]);
  expect((await scene.rows()).every((row) => row.crash_count === 0)).toBe(true);
  await truth.stop();
}
