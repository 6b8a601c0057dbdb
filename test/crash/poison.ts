// A supervisor, as people's own is: for events that kill their workers.

import type { TemProcess } from '../support/processes.ts';
import type { Scene } from './setup.ts';

/**
 * Starts a worker whenever the last one has died, until these events have ended; the last one lives on. `withinMs` is
 * less than what the test may take, or nobody is told how far they came.
 */
export function keepWorkers(scene: Scene, poisons: string[], withinMs: number) {
  let started = 0;
  const ended = scene.untilAll('EXTINCT', withinMs, poisons);
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
