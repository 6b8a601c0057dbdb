// Task queues are per ledger, per set of features and per set of the user's modules: a task rarely reaches a worker that
// couldn't do it, and workers on different databases never share one. A module keeps its queue when its types change, so
// that a new release serves what the old one left waiting (rule 10).

import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import type { Config } from '../config.ts';

export function taskQueueOf(ledgerId: string, config: Pick<Config, 'eventTypeModules' | 'worker'>): string {
  const features = config.worker.features === undefined ? '' : `-${[...config.worker.features].sort().join('-')}`;
  // By name only: a module may lie elsewhere on another machine, and be built there.
  const modules = config.eventTypeModules.map((module) => basename(module, extname(module))).sort();
  const own =
    modules.length === 0 ? '' : `-${createHash('sha256').update(modules.join(' ')).digest('hex').slice(0, 8)}`;
  return `tem-${ledgerId.slice(0, 8)}${features}${own}`;
}
