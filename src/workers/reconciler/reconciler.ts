// Compares the ledger with Temporal and frees what nobody has any more, so that nothing waits for nobody (rules 7 and 8).
// A Temporal Schedule runs a turn every minute; the watchdog of every worker runs one when that schedule is missing or
// late, or when Temporal's database is another than before, because it must not depend on what it guards. Whoever starts
// it, one worker is at it at a time, in bounded steps.

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { type AccessRetention, pruneAccess } from '../../core/access/prune.ts';
import type { EventTypes } from '../../core/event-types.ts';
import { forgetGoneWorkers } from '../../core/ledger/leases.ts';
import { lookAfterLines } from '../../core/ledger/lines.ts';
import { prune } from '../../core/ledger/prune.ts';
import { endUnknownTypes } from '../../core/ledger/refuse.ts';
import { pruneSchedules } from '../../core/schedules/prune.ts';
import { createAlone, type GoOn } from './alone.ts';
import { followClosedRuns } from './closed-runs.ts';
import { isTemporalLost, recoverLostTemporal } from './lost-temporal.ts';
import { lookAfterOverdue } from './overdue.ts';
import { ensureReconcileSchedule } from './schedule.ts';

const WATCH_EVERY_MS = 5_000;
const SLICE_MAX = 1_000;
const FEATURE_SLICES_PER_TURN_MAX = 50;
/** When so many turns are missing, everything was down. */
const SILENT_TURNS = 5;

export interface Reconciler {
  /**
   * One turn, unless another worker is at it. Rejects when the ledger or Temporal is away; the next turn does what this one
   * couldn't. `onProgress` is called every few seconds while it goes on.
   */
  turn(onProgress?: () => void): Promise<void>;
  start(): void;
  /** Resolves when no turn is under way any more. */
  stop(): Promise<void>;
}

export interface ReconcilerOptions {
  workerId: string;
  pool: Pool;
  client: Client;
  types: EventTypes;
  ledgerId: string;
  taskQueue: string;
  everyMs: number;
  restoreSearchAttributes(): Promise<void>;
  unknownTypeAfterMs: number;
  retentionMs: number;
  keyRetentionMs: number;
  access: AccessRetention;
  /** After how long an open run without progress is ended; 5 minutes by default. */
  stuckAfterMs?: number;
  /** Deletes a slice of what is old of each feature; resolves to whether more may be left. */
  pruneFeatures?(): Promise<boolean>;
  log: Logger;
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { pool, client, log } = options;
  const ownRetentions = options.types
    .all()
    .flatMap(({ name, retentionMs }) => (retentionMs === undefined ? [] : [{ name, retentionMs }]));
  const alone = createAlone(options);
  let timer: NodeJS.Timeout | undefined;

  // Each step is tried whatever became of the others: a server that refuses the schedule must not keep events waiting.
  const turn = async (limited: () => GoOn): Promise<void> => {
    const { rows } = await pool.query<{ silentMs: number | null; sinceMs: number | null }>(
      `with before as materialized (select reconciled_at from tem.ledger for update)
       update tem.ledger set reconciled_at = clock_timestamp() from before
       returning extract(epoch from clock_timestamp() - before.reconciled_at)::float8 * 1000 as "silentMs",
         extract(epoch from clock_timestamp() - reconciled_whole_at)::float8 * 1000 as "sinceMs"`,
    );
    const sinceMs = rows[0]?.sinceMs ?? Number.POSITIVE_INFINITY;
    const silentMs = rows[0]?.silentMs ?? Number.POSITIVE_INFINITY;
    const steps: [what: string, step: (goOn: GoOn) => Promise<unknown>][] = [
      // After a time without any worker the first one is not to judge what those that follow it know.
      ['ending events of unknown types', async () => silentMs < SILENT_TURNS * options.everyMs && endUnknown()],
      ['forgetting gone workers', () => forgetGoneWorkers(pool)],
      ['looking for a lost Temporal', (goOn) => recoverLostTemporal(options, goOn)],
      ['following closed runs', (goOn) => followClosedRuns({ pool, client, log }, sinceMs, goOn)],
      ['looking after overdue events', (goOn) => lookAfterOverdue(options, goOn)],
      ['looking after lines', lines],
      ['keeping the schedule', () => ensureReconcileSchedule(options)],
      ['pruning', (goOn) => prune(pool, { ...options, ofTypes: ownRetentions, goOn })],
      ['pruning runs of schedules', (goOn) => pruneSchedules(pool, options.retentionMs, goOn)],
      ['pruning sessions and the audit', (goOn) => pruneAccess(pool, options.access, goOn)],
      ['pruning what features have', pruneFeatures],
    ];
    const failures: unknown[] = [];
    for (const [what, step] of steps) {
      await step(limited()).catch((error: Error) => {
        failures.push(error);
        log.warn({ error: error.message }, `reconciler: ${what} failed`);
      });
    }
    if (failures.length > 0) throw failures[0];
    await pool.query('update tem.ledger set reconciled_whole_at = clock_timestamp()');
  };

  const endUnknown = async (): Promise<void> => {
    const ended = await endUnknownTypes(pool, options.unknownTypeAfterMs, SLICE_MAX);
    if (ended > 0) log.warn({ events: ended }, 'ended events whose type no live worker knows');
  };

  const lines = async (goOn: GoOn): Promise<void> => {
    let after: string | undefined;
    do after = await lookAfterLines(pool, after);
    while (after !== undefined && (await goOn()));
  };

  const pruneFeatures = async (goOn: GoOn): Promise<void> => {
    for (let slice = 0; slice < FEATURE_SLICES_PER_TURN_MAX; slice++) {
      if (!(await options.pruneFeatures?.()) || !(await goOn())) return;
    }
  };

  const watch = async (): Promise<void> => {
    const { rows } = await pool.query<{ late: boolean }>(
      `select coalesce(reconciled_at < clock_timestamp() - 1.5 * $1 * interval '1 ms', true) as late from tem.ledger`,
      [options.everyMs],
    );
    if (rows[0]?.late) await alone.run(turn);
    else if (await isTemporalLost(options)) await alone.run((limited) => recoverLostTemporal(options, limited()));
  };

  return {
    turn: (onProgress) => alone.run(turn, onProgress),
    start() {
      const look = (): void => {
        watch()
          .catch((error: Error) => log.debug({ error: error.message }, 'reconcile turn failed, trying again'))
          .finally(() => {
            if (timer) timer = setTimeout(look, WATCH_EVERY_MS);
          });
      };
      timer = setTimeout(look, 0);
    },
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await alone.settled();
    },
  };
}
