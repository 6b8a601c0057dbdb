// A worker that is killed again and again two seconds after it reported ready, while events keep coming.

import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type NewEvent, PATIENCE_MS, setup } from './setup.ts';

const ALIVE_FOR_MS = 2_000;

// Quick and slow ones, sets in one transaction, some that fail at first, some without batches.
const KINDS: NewEvent[] = [
  { type: 'work', steps: [{ do: 'write' }] },
  { type: 'work', steps: [{ do: 'sleep', ms: 300 }, { do: 'write' }] },
  { type: 'together', steps: [{ do: 'write' }] },
  { type: 'work', steps: [{ do: 'write' }, { do: 'sleep', ms: 700 }] },
  { type: 'together', steps: [{ do: 'write' }, { do: 'sleep', ms: 20 }] },
  { type: 'work', steps: [{ do: 'fail', times: 1 }, { do: 'write' }] },
  { type: 'lengthy', steps: [{ do: 'write' }, { do: 'sleep', ms: 100 }] },
  { type: 'compensated', steps: [{ do: 'sleep', ms: 50 }, { do: 'write' }] },
];

/** Kills `kills` workers while `events` events run, then lets one live until all have ended. */
export async function surviveKills(environment: Record<string, string>, kills: number, events: number): Promise<void> {
  const scene = await setup(environment);
  const truth = scene.watchTruth();
  const ids: string[] = [];
  const held: string[] = [];
  for (let life = 0; life < kills; life++) {
    const count = Math.round(((life + 1) * events) / kills) - ids.length;
    ids.push(
      ...(await scene.send(
        Array.from({ length: count }, (_, index) => KINDS[(life + index) % KINDS.length] as NewEvent),
      )),
    );
    // Whatever the machine's pace, the kill comes into the middle of something, and the last one into that of a batch.
    const steps = [{ do: 'write' as const }, { do: 'hold' as const, gate: `life-${life}` }];
    held.push(...(await scene.sendBatched([{ steps }])));
    const worker = await scene.startWorker();
    await delay(ALIVE_FOR_MS);
    if (life === kills - 1) await waitFor(() => scene.isBatchRunning(), PATIENCE_MS);
    await scene.kill(worker);
    scene.open(`life-${life}`);
  }
  expect(Object.keys(await scene.states())).not.toContain('EXTINCT');

  await scene.startWorker();
  await scene.untilAll('PROCESSED', undefined, [...ids, ...held]);
  await scene.expectEffectsOnce([...ids, ...held]);
  await scene.expectSomeBatched(ids);
  await truth.stop();
}
