// Changes how a table is mirrored: the triggers take the new condition at once, and the documents are made anew in an index
// beside the present one, which is swapped in when it is whole. The index's name and the id stay.

import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import type { Logger } from 'pino';
import { startReindex } from '../load/reindex.ts';
import type { Mapping } from '../mapping.ts';
import { raiseRevision, readMapping } from '../store.ts';
import type { Target } from '../target/target.ts';
import { AlreadyMapped, makeTriggers } from './attach.ts';
import type { Plan } from './plan.ts';

/** The mapping as it is when nothing changed. Throws AlreadyMapped when what is asked is another mapping. */
export async function replaceMapping(
  { pool, targets, log }: { pool: pg.Pool; targets: Record<string, Target>; log: Logger },
  present: Mapping,
  plan: Plan,
): Promise<Mapping> {
  const { definition } = plan;
  const same = await isSame(pool, present, plan);
  if (same) return present;
  const kept = (['index', 'id', 'targets'] as const).find(
    // As values: Postgres has put the members of a kept one in an order of its own.
    (name) => !isDeepStrictEqual(present[name], definition[name]),
  );
  if (kept) throw new AlreadyMapped(`${present.queueName} is mapped already with another ${kept}: detach it first`);
  if (present.indices.some(({ state }) => state === 'loading')) {
    throw new AlreadyMapped(`an index of ${present.queueName} is being loaded: wait until it is live, or cancel it`);
  }
  await pool.query('update tem.search_mapping set definition = $2, updated_at = now() where id = $1', [
    present.mappingId,
    JSON.stringify(definition),
  ]);
  await makeTriggers(pool, { ...present, ...definition }, plan);
  await raiseRevision(pool);
  await startReindex({ pool, targets, log }, { ...present, ...definition });
  return (await readMapping(pool, { schema: plan.schema, name: plan.table })) ?? present;
}

/** Compared by Postgres, as JSON: a definition that was kept has no member that is undefined. */
async function isSame(pool: pg.Pool, { mappingId }: Mapping, { definition }: Plan): Promise<boolean> {
  const { rows } = await pool.query<{ same: boolean }>(
    'select definition = $2::jsonb as same from tem.search_mapping where id = $1',
    [mappingId, JSON.stringify(definition)],
  );
  return rows[0]?.same ?? false;
}
