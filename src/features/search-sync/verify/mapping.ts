// Compares a mapping with all of its live indices, and keeps what was found beside it.

import type { Mapping } from '../mapping.ts';
import { type CompareDependencies, type CompareOptions, type Comparison, compareIndex } from './compare.ts';

/** The sum over its indices. */
export async function compareMapping(
  dependencies: CompareDependencies,
  mapping: Mapping,
  options: CompareOptions,
): Promise<Comparison> {
  const sum: Comparison = { checked: 0, missing: 0, stale: 0, extra: 0, repaired: 0, records: [] };
  for (const index of mapping.indices.filter(({ state }) => state === 'live')) {
    const found = await compareIndex(dependencies, mapping, index, options);
    for (const key of ['checked', 'missing', 'stale', 'extra', 'repaired'] as const) sum[key] += found[key];
    sum.records.push(...found.records);
  }
  await dependencies.pool.query(
    'update tem.search_mapping set verified_at = clock_timestamp(), verification = $2 where id = $1',
    [mapping.mappingId, JSON.stringify(sum)],
  );
  return sum;
}
