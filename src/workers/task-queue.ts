// Task queues are per ledger, per set of features and per set of the user's types: a task never reaches a worker that
// couldn't do it, and workers on different databases never share one (rule 10).

import { createHash } from 'node:crypto';
import type { Config } from '../config.ts';
import type { EventTypes } from '../core/event-types.ts';

export function taskQueueOf(ledgerId: string, config: Config, types: EventTypes): string {
  const features = config.worker.features === undefined ? '' : `-${[...config.worker.features].sort().join('-')}`;
  const names = types
    .all()
    .map((type) => type.name)
    .sort();
  const own =
    config.eventTypeModules.length === 0
      ? ''
      : `-${createHash('sha256').update(names.join(' ')).digest('hex').slice(0, 8)}`;
  return `tem-${ledgerId.slice(0, 8)}${features}${own}`;
}
