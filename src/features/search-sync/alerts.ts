// When an operator is told of search sync: a queue that grows too long, and one that is unhealthy, as
// `GET /v1/search-sync/queue/health` says it.

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
  const conditions: Condition[] = [];
  // From half of TEM_SEARCH_QUEUE_MAX on, so before changes aren't kept any more.
  if (around.keeps !== 'whole') {
    conditions.push({
      kind: 'search_queue_long',
      subject: '',
      detail: `the queue of search sync is at ${Math.round((queue.pending / settings.queueMax) * 100)} % of TEM_SEARCH_QUEUE_MAX`,
      advice: 'see to the target and to the workers: at 100 % changes are not kept, and tables are compared afterwards',
      count: queue.pending,
      samples: [],
    });
  }
  if (health.status !== 'unhealthy') return conditions;
  return [
    ...conditions,
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
