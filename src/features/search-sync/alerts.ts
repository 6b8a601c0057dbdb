// When an operator is told of search sync: an unhealthy queue, as `GET /v1/search-sync/queue/health` says it.

import type { Condition } from '../../core/alerts/condition.ts';
import type { FeatureDependencies } from '../../core/feature.ts';
import { judgeQueue, readQueue, readSurroundings } from './queue/stats.ts';
import type { SearchSettings } from './settings.ts';

export async function searchConditions({ pool, settings }: FeatureDependencies<SearchSettings>): Promise<Condition[]> {
  if (Object.keys(settings.targets).length === 0) return [];
  const around = await readSurroundings(pool);
  if (around.mappings === 0) return [];
  const queue = await readQueue(pool, settings.stuckAfterMs);
  const health = judgeQueue(queue, around, settings.queueMax);
  if (health.status !== 'unhealthy') return [];
  return [
    {
      kind: 'search_unhealthy',
      subject: '',
      detail: `search sync is unhealthy: ${health.issues.join('; ')}`,
      advice: health.recommendations.join('; '),
      count: queue.pending + queue.failed,
      samples: around.targets.filter(({ reachable }) => !reachable).map(({ name }) => name),
    },
  ];
}
