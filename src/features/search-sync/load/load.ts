// The load of an index: filled slice by slice, each remembered, so that a load goes on where it was on whatever worker; then
// compared, and put in its place.

import type pg from 'pg';
import type { Logger } from 'pino';
import type { Mapping, SearchIndex } from '../mapping.ts';
import type { TargetState } from '../processor/write.ts';
import { isOfTheData, sourceSql } from '../source/read.ts';
import { quoted } from '../source/table.ts';
import { type LoadRow, raiseRevision, readLoad, readMappings, updateIndex } from '../store.ts';
import { pointAlias, refresh } from '../target/indices.ts';
import { compareIndex } from '../verify/compare.ts';
import { fillIndex, LoadEnded } from './fill.ts';

export interface LoadDependencies {
  pool: pg.Pool;
  targets: Record<string, TargetState>;
  log: Logger;
  keepReplacedMs: number;
}

export interface LoadProgress {
  loaded: number;
  total: number;
}

/** Loads, compares and puts the index in place; resolves to what was loaded. Throws LoadEnded. */
export async function runLoad(
  dependencies: LoadDependencies,
  indexId: string,
  { signal, progress }: { signal: AbortSignal; progress(progress: LoadProgress): void },
): Promise<LoadProgress> {
  const { pool } = dependencies;
  const { mapping, index, load } = await find(pool, indexId);
  const total = Number(load.total ?? (await countRows(pool, mapping)));
  await updateIndex(pool, indexId, ['loading'], 'total = $3, error = null', [total]);
  let loaded = Number(load.loaded);
  if (load.loadedAt === null) {
    await fillIndex(dependencies, mapping, index, {
      from: load.cursor,
      signal,
      async onSlice(cursor, rows) {
        loaded += rows;
        const goesOn = await updateIndex(pool, indexId, ['loading'], 'cursor = $3, loaded = $4', [cursor, loaded]);
        if (!goesOn) throw new LoadEnded('the load was cancelled');
        progress({ loaded, total });
      },
    });
    await updateIndex(pool, indexId, ['loading'], 'loaded_at = clock_timestamp()');
  }
  await putInPlace(dependencies, mapping, index, signal);
  return { loaded, total };
}

async function find(pool: pg.Pool, indexId: string): Promise<{ mapping: Mapping; index: SearchIndex; load: LoadRow }> {
  const load = await readLoad(pool, indexId);
  const mapping = (await readMappings(pool)).find(({ mappingId }) => mappingId === load?.mappingId);
  const index = mapping?.indices.find(({ id }) => id === indexId);
  if (!load || !mapping || !index || load.state !== 'loading') throw new LoadEnded('the index is not to be loaded');
  return { mapping, index, load };
}

/** As many as the table has by its statistics where that is much, for the sake of the progress only. */
async function countRows(pool: pg.Pool, mapping: Mapping): Promise<number> {
  const { rows } = await pool.query<{ rows: number }>(
    `select greatest(c.reltuples, 0)::float8 as rows from pg_class c where c.oid = $1::regclass`,
    [quoted({ schema: mapping.schema, name: mapping.table })],
  );
  const estimate = rows[0]?.rows ?? 0;
  if (estimate > 1_000_000) return Math.round(estimate);
  const count = (source: string) => pool.query<{ count: number }>(`select count(*)::float8 as count from ${source}`);
  const counted = await count(sourceSql(mapping)).catch((error: unknown) => {
    if (!isOfTheData(error)) throw error;
    return count(sourceSql({ schema: mapping.schema, table: mapping.table }));
  });
  return counted.rows[0]?.count ?? 0;
}

async function putInPlace(
  dependencies: LoadDependencies,
  mapping: Mapping,
  index: SearchIndex,
  signal: AbortSignal,
): Promise<void> {
  const { pool, targets, log, keepReplacedMs } = dependencies;
  const target = targets[index.target]?.target;
  if (!target) throw new Error(`this worker has no target ${index.target}`);
  const replaced = mapping.indices.filter((other) => other.target === index.target && other.state === 'live');
  // Before anybody searches it: an index that is live shows what was loaded.
  await refresh(target, index.name);
  if (replaced.length > 0) {
    const found = await compareIndex({ pool, targets }, mapping, index, { repair: true, signal });
    log.info({ index: index.name, ...found }, 'the new index was compared with the table');
  }
  await pointAlias(target, mapping.index, index.name);
  const live = await updateIndex(pool, index.id, ['loading'], `state = 'live', live_at = clock_timestamp()`);
  if (!live) throw new LoadEnded('the load was cancelled');
  for (const { id } of replaced) {
    await updateIndex(pool, id, ['live'], `state = 'kept', kept_until = clock_timestamp() + $3 * interval '1 ms'`, [
      keepReplacedMs,
    ]);
  }
  await raiseRevision(pool);
}
