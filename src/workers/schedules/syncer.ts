// Keeps Temporal's schedules equal to the rows: what changed within a second or two (NOTIFY, and a poll behind it), and every
// minute all of them, beside each other, so that a change doesn't wait for the comparison. On one worker, a few schedules at
// a time.

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { BackgroundPart } from '../../core/feature.ts';
import type { Listener } from '../../core/ledger/listener.ts';
import { createLoop } from '../../core/loop.ts';
import { SCHEDULE_CHANNEL } from '../../core/schedules/schedule.ts';
import { scheduleCalls } from '../../core/schedules/temporal/calls.ts';
import {
  readSynced,
  type SyncDependencies,
  type SyncedSchedule,
  syncSchedule,
} from '../../core/schedules/temporal/sync.ts';
import { compareAll } from './comparison.ts';
import { comparisonFigures } from './figures.ts';

const POLL_EVERY_MS = 2_000;
const AFTER_ERROR_MS = 2_000;
const COMPARE_EVERY_MS = 60_000;
/** A change waits for no more than so many before it, and for what is looked at once more. */
const CHANGED_MAX = 100;
const REMOVED_MAX = 500;
const AT_ONCE = 8;
/** Beyond so many the list says which ones a person may have touched: asking for each would take longer than they may wait. */
const ASKED_EACH_MAX = 24;

export interface SyncerOptions {
  pool: Pool;
  client: Client;
  ledgerId: string;
  taskQueue: string;
  listener: Listener;
  log: Logger;
  /** For the figures of the comparison. */
  registry?: Registry | undefined;
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
  let comparisons = 0;
  const figures = comparisonFigures(options.registry);

  const writeChanged = async (signal: AbortSignal): Promise<void> => {
    for (let ids = await changedSchedules(pool); ids.length > 0 && !signal.aborted; ) {
      await eachOf(ids, AT_ONCE, sync);
      ids = ids.length < CHANGED_MAX ? [] : await changedSchedules(pool);
    }
    await removeFromTemporal(dependencies);
    const again = [...unseen].slice(0, CHANGED_MAX);
    await eachOf(again, AT_ONCE, sync);
    if (unseen.size > 0 && again.length === CHANGED_MAX) changes.wake();
  };
  const compare = async (signal: AbortSignal): Promise<void> => {
    const begunAtMs = performance.now();
    const found = await compareAll(dependencies, sync, comparisons++, signal);
    if (signal.aborted) return;
    const tookMs = performance.now() - begunAtMs;
    figures.compared(tookMs, found.differed);
    log.debug({ ...found, tookMs: Math.round(tookMs) }, "compared Temporal's schedules");
  };
  const changes = createLoop({
    name: 'keeping schedules in Temporal',
    everyMs: POLL_EVERY_MS,
    afterErrorMs: AFTER_ERROR_MS,
    work: writeChanged,
    log,
  });
  const comparing = createLoop({
    name: "comparing Temporal's schedules",
    everyMs: compareEveryMs,
    afterErrorMs: AFTER_ERROR_MS,
    work: compare,
    log,
  });
  let listens = false;
  return {
    part: {
      name: 'schedules in Temporal',
      on: 'oneWorker',
      start() {
        if (!listens) listener.listen(SCHEDULE_CHANNEL, changes.wake, changes.wake);
        listens = true;
        changes.start();
        comparing.start();
      },
      async stop() {
        await Promise.all([changes.stop(), comparing.stop()]);
      },
    },
    async adoptFrom(ids) {
      const rows = (await readSynced(pool, ids)).filter(
        ({ syncedRevision, drift }) => syncedRevision !== null && drift === null,
      );
      const asked = rows.length > ASKED_EACH_MAX ? await touched(dependencies, rows) : rows;
      await eachOf(
        asked.map(({ id }) => id),
        AT_ONCE,
        sync,
      );
    },
  };
}

/** Those that Temporal's list doesn't have, or has with another pause or note than Temporal was given. */
async function touched({ calls }: SyncDependencies, rows: readonly SyncedSchedule[]): Promise<SyncedSchedule[]> {
  const left = new Map(rows.map((row) => [row.id, row]));
  for await (const { id, paused, notes } of calls.list()) {
    const row = left.get(id);
    if (row && paused === row.syncedPaused && notes === (row.syncedNote ?? '')) left.delete(id);
  }
  return [...left.values()];
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
    REMOVED_MAX,
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
