// Compares a mapping with all of its live indices, and keeps what was found beside it. A comparison may be done in parts: each
// says where the next one goes on, and the last one has the sum of all.

import type { Mapping } from '../mapping.ts';
import {
  BEGINNING,
  type CompareDependencies,
  type CompareOptions,
  type Comparison,
  compareIndex,
  type Position,
} from './compare.ts';

const COUNTS = ['checked', 'missing', 'stale', 'extra', 'repaired'] as const;

export type Counts = Record<(typeof COUNTS)[number], number>;

/** Where a comparison goes on, and what it has found until there. */
export interface Part {
  indexId: string;
  position: Position;
  counts: Counts;
}

/** The sum over its indices. */
export async function compareMapping(
  dependencies: CompareDependencies,
  mapping: Mapping,
  { part: given, ...options }: Omit<CompareOptions, 'from'> & { part?: Part | undefined },
): Promise<Comparison & { next?: Part }> {
  const live = mapping.indices.filter(({ state }) => state === 'live');
  const first = live.findIndex(({ id }) => id === given?.indexId);
  // An index that is replaced meanwhile is another one: from the beginning.
  const part = first === -1 ? undefined : given;
  const sum: Comparison = { checked: 0, missing: 0, stale: 0, extra: 0, repaired: 0, ...part?.counts, records: [] };
  for (const index of live.slice(Math.max(first, 0))) {
    const from = index.id === part?.indexId ? part.position : BEGINNING;
    const { next, ...found } = await compareIndex(dependencies, mapping, index, { ...options, from });
    for (const key of COUNTS) sum[key] += found[key];
    sum.records.push(...found.records);
    if (next) return { ...sum, next: { indexId: index.id, position: next, counts: countsOf(sum) } };
  }
  await dependencies.pool.query(
    'update tem.search_mapping set verified_at = clock_timestamp(), verification = $2 where id = $1',
    [mapping.mappingId, JSON.stringify(sum)],
  );
  return sum;
}

function countsOf(sum: Comparison): Counts {
  return Object.fromEntries(COUNTS.map((key) => [key, sum[key]])) as Counts;
}
