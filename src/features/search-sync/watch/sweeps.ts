// A table that was emptied says only so: what its indices have and the table hasn't is found and removed, and what joined
// rows of it is compared as a whole.

import type pg from 'pg';
import type { TargetState } from '../processor/write.ts';
import { readMappings } from '../store.ts';
import { compareIndex } from '../verify/compare.ts';

/** Works on what waits; resolves to how many tables. */
export async function runSweeps(
  { pool, states }: { pool: pg.Pool; states: Record<string, TargetState> },
  signal: AbortSignal,
): Promise<number> {
  const { rows } = await pool.query<{ mappingId: string; until: string }>(
    `select s.mapping_id::text as "mappingId", max(s.id)::text as until from tem.search_sweep s group by s.mapping_id`,
  );
  if (rows.length === 0) return 0;
  const mappings = await readMappings(pool);
  for (const { mappingId, until } of rows) {
    const mapping = mappings.find((each) => each.mappingId === mappingId);
    for (const index of mapping?.indices ?? []) {
      if (mapping) await compareIndex({ pool, targets: states }, mapping, index, { repair: true, signal });
    }
    // Another one may have come meanwhile, which this comparison didn't see.
    await pool.query('delete from tem.search_sweep where mapping_id = $1 and id <= $2', [mappingId, until]);
  }
  return rows.length;
}
