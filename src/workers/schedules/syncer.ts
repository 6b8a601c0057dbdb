// Keeps Temporal's schedules equal to the rows: what changed within a second or two (NOTIFY, and a poll behind it), and every
// minute all of them. On one worker, a few schedules at a time.

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { BackgroundPart } from '../../core/feature.ts';
import type { Listener } from '../../core/ledger/listener.ts';
import { SCHEDULE_CHANNEL } from '../../core/schedules/schedule.ts';
import { scheduleCalls } from '../../core/schedules/temporal/calls.ts';
import { readSynced, type SyncDependencies, syncSchedule } from '../../core/schedules/temporal/sync.ts';
import { compareAll } from './comparison.ts';
import { createLoop } from './loop.ts';

const POLL_EVERY_MS = 2_000;
const AFTER_ERROR_MS = 2_000;
const COMPARE_EVERY_MS = 60_000;
const CHANGED_MAX = 500;
const AT_ONCE = 8;

export interface SyncerOptions {
  pool: Pool;
  client: Client;
  ledgerId: string;
  taskQueue: string;
  listener: Listener;
  log: Logger;
  compareEveryMs?: number;
}

export interface Syncer {
  part: BackgroundPart;
  /** Takes over what a person did to these in Temporal; rejects when that is away. */
  adoptFrom(ids: readonly string[]): Promise<void>;
}

export function createSyncer(options: SyncerOptions): Syncer {
  const { pool, client, ledgerId, taskQueue, listener, log, compareEveryMs = COMPARE_EVERY_MS } = options;
  const dependencies: SyncDependencies = { pool, calls: scheduleCalls(client, ledgerId), ledgerId, taskQueue, log };
  /** Written, and not yet seen to be so. */
  const unseen = new Set<string>();
  const sync = async (id: string): Promise<void> => {
    unseen.delete(id);
    if (await syncSchedule(dependencies, id)) unseen.add(id);
  };
  let comparedAtMs = Number.NEGATIVE_INFINITY;
  let comparisons = 0;

  const work = async (signal: AbortSignal): Promise<void> => {
    for (let ids = await changedSchedules(pool); ids.length > 0 && !signal.aborted; ) {
      await eachOf(ids, AT_ONCE, sync);
      ids = ids.length < CHANGED_MAX ? [] : await changedSchedules(pool);
    }
    await removeFromTemporal(dependencies);
    await eachOf([...unseen], AT_ONCE, sync);
    if (signal.aborted || performance.now() - comparedAtMs < compareEveryMs) return;
    const begunAtMs = performance.now();
    const found = await compareAll(dependencies, sync, comparisons++, signal);
    comparedAtMs = begunAtMs;
    log.debug({ ...found, tookMs: Math.round(performance.now() - begunAtMs) }, "compared Temporal's schedules");
  };
  const loop = createLoop({
    name: 'keeping schedules in Temporal',
    everyMs: POLL_EVERY_MS,
    afterErrorMs: AFTER_ERROR_MS,
    work,
    log,
  });
  let listens = false;
  return {
    part: {
      name: 'schedules in Temporal',
      on: 'oneWorker',
      start() {
        if (!listens) listener.listen(SCHEDULE_CHANNEL, loop.wake, loop.wake);
        listens = true;
        comparedAtMs = Number.NEGATIVE_INFINITY;
        loop.start();
      },
      stop: () => loop.stop(),
    },
    async adoptFrom(ids) {
      const rows = await readSynced(pool, ids);
      await eachOf(
        rows.filter(({ syncedRevision, drift }) => syncedRevision !== null && drift === null).map(({ id }) => id),
        AT_ONCE,
        sync,
      );
    },
  };
}

/** Schedules whose row Temporal hasn't been given yet, those first that changed first. */
async function changedSchedules(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select schedule_id as id from tem.schedule_state where synced_revision is distinct from revision order by revision limit $1`,
    [CHANGED_MAX],
  );
  return rows.map(({ id }) => id);
}

async function removeFromTemporal({ pool, calls }: SyncDependencies): Promise<void> {
  const { rows } = await pool.query<{ id: string }>('select schedule_id as id from tem.schedule_removed limit $1', [
    CHANGED_MAX,
  ]);
  await eachOf(
    rows.map(({ id }) => id),
    AT_ONCE,
    async (id) => {
      const held = await calls.describe(id);
      if (held?.own) await calls.remove(id);
      // Made again meanwhile: the row's own sync puts it back.
      await pool.query(
        `with gone as (delete from tem.schedule_removed where schedule_id = $1)
         update tem.schedule_state set synced_revision = null where schedule_id = $1`,
        [id],
      );
    },
  );
}

/** Rejects with the first failure, when all have ended. */
async function eachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      await work(item).catch((error: unknown) => failures.push(error));
      // Away for one is away for all.
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
