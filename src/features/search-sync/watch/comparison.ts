// The comparison of every mapping in the background, at a bounded rate. How far it is stands beside the mapping, so that a
// table which takes hours goes on where it was when the worker that compares it is replaced.

import type { Mapping } from '../mapping.ts';
import { readMappings } from '../store.ts';
import { compareMapping, type Part } from '../verify/mapping.ts';
import type { WatchDependencies } from './watch.ts';

const REMEMBER_EVERY_MS = 10_000;

export async function compareAll(dependencies: WatchDependencies, signal: AbortSignal): Promise<void> {
  for (const mapping of await readMappings(dependencies.pool)) {
    // One table's trouble is no other's.
    await compare(dependencies, mapping, signal).catch((error: Error) => {
      if (!signal.aborted)
        dependencies.log.warn(
          { table: mapping.queueName, error: error.message },
          'a comparison went wrong, trying again',
        );
    });
  }
}

async function compare(
  { pool, states, settings, log }: WatchDependencies,
  mapping: Mapping,
  signal: AbortSignal,
): Promise<void> {
  const { rows } = await pool.query<{ part: Part | null }>(
    'select comparison as part from tem.search_mapping where id = $1',
    [mapping.mappingId],
  );
  let part = rows[0]?.part ?? undefined;
  do {
    if (signal.aborted) return;
    const rememberAt = performance.now() + REMEMBER_EVERY_MS;
    const {
      next,
      records: _records,
      ...counts
    } = await compareMapping({ pool, targets: states }, mapping, {
      repair: settings.repair,
      ratePerSecond: settings.verifyRate,
      part,
      isOver: () => signal.aborted || performance.now() >= rememberAt,
    });
    part = next;
    await pool.query('update tem.search_mapping set comparison = $2 where id = $1', [
      mapping.mappingId,
      next ? JSON.stringify(next) : null,
    ]);
    if (!next) {
      const differs = counts.missing + counts.stale + counts.extra > 0;
      log[differs ? 'error' : 'debug'](
        { table: mapping.queueName, ...counts },
        differs ? 'database and index differ' : 'database and index agree',
      );
    }
  } while (part);
}
