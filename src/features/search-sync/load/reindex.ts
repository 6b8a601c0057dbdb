// Starts and cancels the making of indices anew: a new index beside the present one, filled by an event of its own, swapped in
// when it equals the table.

import type pg from 'pg';
import type { Logger } from 'pino';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import { addIndex } from '../attach/attach.ts';
import type { Mapping } from '../mapping.ts';
import { readTable } from '../source/table.ts';
import { type LoadRow, MAKING_WITHIN_MS, raiseRevision, readLoad, readLoads, updateIndex } from '../store.ts';
import { deleteIndex, indexExists } from '../target/indices.ts';
import type { Target } from '../target/target.ts';

export interface ReindexDependencies {
  pool: pg.Pool;
  targets: Record<string, Target>;
  log: Logger;
}

/** One load for each target of the mapping; none when one runs already. */
export async function startReindex({ pool, targets }: ReindexDependencies, mapping: Mapping): Promise<LoadRow[]> {
  if (mapping.indices.some(({ state }) => state === 'loading')) return [];
  const source = await readTable(pool, { schema: mapping.schema, name: mapping.table });
  if (!source) throw new Error('the mapped table is gone');
  const started: LoadRow[] = [];
  for (const name of mapping.targets) {
    const target = targets[name];
    if (!target) continue;
    const hasLive = mapping.indices.some((index) => index.target === name && index.state === 'live');
    const index = await addIndex({ pool, target }, mapping, { definition: mapping, source }, { searched: !hasLive });
    const load = await readLoad(pool, index.id);
    if (load) started.push(load);
  }
  return started;
}

/** Resolves to whether it was running. */
export async function cancelLoad(
  { pool, targets }: Pick<ReindexDependencies, 'pool' | 'targets'>,
  id: string,
): Promise<boolean> {
  const cancelled = await updateIndex(pool, id, ['loading'], `state = 'cancelled'`);
  if (!cancelled) return false;
  await raiseRevision(pool);
  await pool.query('delete from tem.search_dirty where index_id = $1', [id]);
  const load = await readLoad(pool, id);
  const target = load && targets[load.target];
  if (load && target) await deleteIndex(target, load.name);
  return true;
}

/** An index that is gone from its target is made anew and filled; only the first who notices does it. */
export async function rebuildLost(
  { pool, targets, log }: ReindexDependencies,
  mapping: Mapping,
  indexId: string,
): Promise<void> {
  const lost = mapping.indices.find(({ id }) => id === indexId);
  const target = lost && targets[lost.target];
  if (!lost?.made || !target) return;
  // It may have been made since somebody missed it.
  if (await indexExists(target, lost.name)) return;
  const source = await readTable(pool, { schema: mapping.schema, name: mapping.table });
  if (!source) return;
  const mine = await inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `update tem.search_index set state = 'lost', error = 'the index is gone from its target' where id = $1
        and state in ('loading', 'live')`,
      [indexId],
    );
    await client.query('delete from tem.search_dirty where index_id = $1', [indexId]);
    return rowCount === 1;
  });
  if (!mine) return;
  await raiseRevision(pool);
  const another = mapping.indices.some(
    ({ id, target: name, state }) => id !== indexId && name === lost.target && state === 'live',
  );
  log.error({ index: lost.name, target: lost.target }, 'an index is gone: it is made and filled anew');
  await addIndex({ pool, target }, mapping, { definition: mapping, source }, { searched: !another });
}

/** Mappings without an index that gets their changes, such as after a rebuild that the target refused for a while. */
export async function rebuildMissing({ pool, targets }: ReindexDependencies, mapping: Mapping): Promise<void> {
  for (const name of mapping.targets) {
    const target = targets[name];
    if (!target || mapping.indices.some((index) => index.target === name)) continue;
    if (await isBeingAttached(pool, mapping, name)) continue;
    const source = await readTable(pool, { schema: mapping.schema, name: mapping.table });
    if (source) await addIndex({ pool, target }, mapping, { definition: mapping, source }, { searched: true });
  }
}

/** Whether an index is about to be added for the first time. */
async function isBeingAttached(pool: pg.Pool, { mappingId }: Mapping, target: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from tem.search_mapping m where m.id = $1 and m.created_at > now() - interval '${MAKING_WITHIN_MS} ms'
      and not exists (select from tem.search_index i where i.mapping_id = m.id and i.target = $2)`,
    [mappingId, target],
  );
  return rowCount === 1;
}

/** Removes indices that were replaced long enough ago; resolves to how many. */
export async function removeReplaced(
  { pool, targets }: Pick<ReindexDependencies, 'pool' | 'targets'>,
  mapping: Mapping,
): Promise<number> {
  let removed = 0;
  for (const load of await readLoads(pool, mapping.mappingId)) {
    const target = targets[load.target];
    if (load.state !== 'kept' || !load.keptUntil || load.keptUntil.getTime() > Date.now() || !target) continue;
    await deleteIndex(target, load.name);
    await pool.query('delete from tem.search_index where id = $1', [load.id]);
    removed += 1;
  }
  return removed;
}
