// What doctor and readyz say of search sync: off and how to turn it on, or what is wrong with queue and targets in words.

import type { FeatureDependencies } from '../../core/feature.ts';
import type { Finding } from '../../core/health/finding.ts';
import { judgeQueue, readQueue, readSurroundings } from './queue/stats.ts';
import { OFF, type SearchSettings } from './settings.ts';

const NAME = 'search sync';

export async function searchFindings({ pool, settings }: FeatureDependencies<SearchSettings>): Promise<Finding[]> {
  const around = await readSurroundings(pool);
  // Where workers have a target that this process was not told of, such as the doctor of another shell, the queue is judged.
  if (Object.keys(settings.targets).length === 0 && around.processors === 0) {
    // Nobody's trouble unless tables are mapped.
    return [{ name: NAME, ok: around.mappings === 0, detail: OFF, isWarning: true }];
  }
  const health = judgeQueue(await readQueue(pool, settings.stuckAfterMs), around, settings.queueMax);
  if (health.issues.length === 0) return [{ name: NAME, ok: true, detail: `${around.mappings} tables are mirrored` }];
  return health.issues.map((issue, index) => ({
    name: NAME,
    ok: false,
    detail: `${issue}: ${health.recommendations[index]}`,
    isWarning: true,
  }));
}
