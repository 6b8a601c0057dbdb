// What keeps schedules going in a worker, beside the firings that Temporal starts.

import type { BackgroundPart } from '../../core/feature.ts';
import { createLooker } from './looker.ts';
import { createSyncer, type SyncerOptions } from './syncer.ts';

export function scheduleParts(options: SyncerOptions): BackgroundPart[] {
  const syncer = createSyncer(options);
  return [syncer.part, createLooker({ pool: options.pool, adoptFrom: syncer.adoptFrom, log: options.log })];
}
