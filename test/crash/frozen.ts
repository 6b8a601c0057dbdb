// A worker that stops in mid-handler, as a laptop's lid or a stalled disk stops it, and goes on after a while: one effect,
// no neighbour blocked, states true.

import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { setup } from './setup.ts';

// A frozen transaction is ended after 20 s, and a lease after 10 s.
const NEIGHBOURS_WITHIN_MS = 45_000;

export async function freeze(environment: Record<string, string>, forMs: number): Promise<void> {
  const scene = await setup(environment);
  const truth = scene.watchTruth();
  const frozen = await scene.startWorker();
  const held = await scene.sendBatched([
    // It holds the lock on the row that the neighbours need.
    { steps: [{ do: 'write' }, { do: 'count' }, { do: 'hold', gate: 'thaw' }] },
    { steps: [{ do: 'hold', gate: 'thaw' }, { do: 'write' }, { do: 'count' }] },
    { type: 'lengthy', steps: [{ do: 'hold', gate: 'thaw' }, { do: 'write' }, { do: 'count' }] },
  ]);
  for (const id of held) await scene.untilLogged(id, 'holding');
  await scene.expectBatched(held.slice(0, 2));
  frozen.kill('SIGSTOP');
  const thaw = delay(forMs);
  scene.open('thaw');

  const other = await scene.startWorker();
  const neighbours = await scene.send(
    Array.from({ length: 30 }, (_, index) => ({
      type: index % 2 ? 'work' : 'together',
      steps: [{ do: 'write' as const }, { do: 'count' as const }],
    })),
  );
  await scene.untilAll('PROCESSED', NEIGHBOURS_WITHIN_MS, neighbours);
  await scene.untilAll('PROCESSED', NEIGHBOURS_WITHIN_MS, held);
  await thaw;
  frozen.kill('SIGCONT');
  // The old attempts go on and report; nobody listens to them.
  for (const id of held) await scene.untilLogged(id, 'returned', id === held[0] ? 2 : 1);
  await scene.kill(other);
  const after = await scene.send([{ steps: [{ do: 'write' }, { do: 'count' }] }]);
  await scene.untilAll('PROCESSED');

  const ids = [...held, ...neighbours, ...after];
  await scene.expectEffectsOnce(ids);
  expect((await scene.pool.query('select count from tally')).rows).toEqual([{ count: ids.length }]);
  expect((await scene.rows(held)).every((row) => row.retry_count === 0)).toBe(true);
  await truth.stop();
}
