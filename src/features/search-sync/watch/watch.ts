// What one worker looks after for all: how each target is, indices that are gone, deletes after a restart of a target, indices
// that were replaced, tables that were emptied, partitions that are new, a queue that grows too long, and comparisons.

import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { rebuildLost, rebuildMissing, removeReplaced } from '../load/reindex.ts';
import type { Mapping } from '../mapping.ts';
import type { TargetState } from '../processor/write.ts';
import type { SearchSettings } from '../settings.ts';
import { troubleOf } from '../source/trouble.ts';
import { readMappings } from '../store.ts';
import { indexExists } from '../target/indices.ts';
import type { Target } from '../target/target.ts';
import { compareAll } from './comparison.ts';
import { addPartitionTriggers } from './partitions.ts';
import { keepQueueShort } from './queue-length.ts';
import { runSweeps } from './sweeps.ts';
import { lookAtTarget } from './targets.ts';

export interface WatchDependencies {
  pool: pg.Pool;
  targets: Record<string, Target>;
  states: Record<string, TargetState>;
  settings: SearchSettings;
  log: Logger;
}

export interface Watch {
  start(): void;
  stop(): Promise<void>;
}

const HEALTH_EVERY_MS = 15_000;
const SWEEP_EVERY_MS = 1_000;

export function createWatch(dependencies: WatchDependencies): Watch {
  const { settings, log } = dependencies;
  const stopped = new AbortController();
  const { signal } = stopped;
  let loops: Promise<unknown> = Promise.resolve();
  const repeat = async (name: string, everyMs: number, run: () => Promise<unknown>): Promise<void> => {
    while (!signal.aborted) {
      await run().catch((error: Error) => log.warn({ error: error.message }, `${name} went wrong, trying again`));
      await pause(everyMs, undefined, { signal }).catch(() => {});
    }
  };
  return {
    start() {
      loops = Promise.all([
        repeat('the look at targets and indices', HEALTH_EVERY_MS, () => watchTurn(dependencies)),
        repeat('the look for emptied tables', SWEEP_EVERY_MS, () => runSweeps(dependencies, signal)),
        settings.verifyEveryMs === 0
          ? undefined
          : repeat('the comparison', settings.verifyEveryMs, () => compareAll(dependencies, signal)),
      ]);
    },
    async stop() {
      stopped.abort();
      await loops;
    },
  };
}

/** One look at everything. */
export async function watchTurn(dependencies: WatchDependencies): Promise<void> {
  const { pool, targets, log } = dependencies;
  const well = new Set<string>();
  for (const target of Object.values(targets)) if (await lookAtTarget(pool, target, log)) well.add(target.name);
  await keepQueueShort(pool, dependencies.settings.queueMax, log);
  for (const mapping of await readMappings(pool)) {
    const look = async (): Promise<void> => {
      await noteTrouble(pool, mapping, log);
      await addPartitionTriggers(pool, mapping, log);
      await lookAtIndices(dependencies, mapping, well);
    };
    // One table's trouble is no other's.
    await look().catch((error: Error) =>
      log.warn({ table: mapping.queueName, error: error.message }, 'the look at a table went wrong, trying again'),
    );
  }
}

/** A table that has changed so that its documents can't be read any more: told until it is mapped anew. */
async function noteTrouble(pool: pg.Pool, mapping: Mapping, log: Logger): Promise<void> {
  const trouble = await troubleOf(pool, mapping);
  const { rowCount } = await pool.query(
    'update tem.search_mapping set trouble = $2 where id = $1 and trouble is distinct from $2',
    [mapping.mappingId, trouble ?? null],
  );
  if (rowCount !== 0 && trouble !== undefined)
    log.error({ table: mapping.queueName, trouble }, 'documents of a table can not be read');
}

async function lookAtIndices(
  dependencies: WatchDependencies,
  mapping: Mapping,
  well: ReadonlySet<string>,
): Promise<void> {
  const { targets } = dependencies;
  for (const { id, target: name, name: index } of mapping.indices) {
    const target = targets[name];
    if (target && well.has(name) && !(await indexExists(target, index))) await rebuildLost(dependencies, mapping, id);
  }
  if (mapping.targets.every((name) => well.has(name))) {
    await rebuildMissing(dependencies, mapping);
    await removeReplaced(dependencies, mapping);
  }
}
