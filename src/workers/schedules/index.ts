// What keeps schedules going in a worker, beside the firings that Temporal starts.

import { basename, extname } from 'node:path';
import { schedulesOfModule } from '../../core/event-type-module.ts';
import type { AnyFeature, BackgroundPart, FeatureDependencies } from '../../core/feature.ts';
import { dependenciesOf } from '../../core/feature-dependencies.ts';
import type { Declarations } from '../../core/schedules/code.ts';
import { createDeclarer } from './declarer.ts';
import { createLooker } from './looker.ts';
import { createSyncer, type SyncerOptions } from './syncer.ts';

export interface SchedulePartsOptions extends SyncerOptions {
  declarations: readonly Declarations[];
}

export function scheduleParts(options: SchedulePartsOptions): BackgroundPart[] {
  const { pool, declarations, log } = options;
  const syncer = createSyncer(options);
  return [
    createDeclarer(pool, declarations, log),
    syncer.part,
    createLooker({ pool, adoptFrom: syncer.adoptFrom, log }),
  ];
}

/** What the code of this worker declares. A module is known by its name: it may lie elsewhere on another machine. */
export async function declarationsOf(
  features: readonly AnyFeature[],
  modules: readonly string[],
  dependencies: Omit<FeatureDependencies, 'settings'>,
): Promise<Declarations[]> {
  const ofFeatures = features.map((feature) => ({
    by: `feature ${feature.name}`,
    schedules: feature.schedules?.(dependenciesOf(feature, dependencies)) ?? [],
  }));
  const ofModules = modules.map(async (module) => ({
    by: `module ${basename(module, extname(module))}`,
    schedules: (await schedulesOfModule(module)).map(({ kind: _kind, ...schedule }) => schedule),
  }));
  return [...ofFeatures, ...(await Promise.all(ofModules))];
}
