// The schedule of the reconcile turns: a row of origin `code` like any other, so that people find it, pause it and change its
// time; put back in Temporal when somebody deleted it there, and given the task queue of the worker that looks after it.

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { register } from '../../core/schedules/code.ts';
import { scheduleCalls } from '../../core/schedules/temporal/calls.ts';
import { syncSchedule } from '../../core/schedules/temporal/sync.ts';
import { WORKFLOW } from '../../workflows/contract.ts';

const SECOND_MS = 1_000;
const CATCH_UP_MS_MIN = 10_000;

export interface ReconcileSchedule {
  pool: Pool;
  client: Client;
  ledgerId: string;
  taskQueue: string;
  everyMs: number;
  log: Logger;
}

export async function ensureReconcileSchedule(options: ReconcileSchedule): Promise<void> {
  const { pool, client, ledgerId, taskQueue, log } = options;
  const id = `tem-reconcile-${ledgerId.slice(0, 8)}`;
  const everyMs = Math.max(SECOND_MS, Math.round(options.everyMs / SECOND_MS) * SECOND_MS);
  const declared = {
    cron: null,
    everyMs,
    timeZone: 'UTC',
    type: WORKFLOW.reconcile,
    payload: {},
    // A missed turn is made up by the next one.
    overlap: 'skip' as const,
    catchupWindowMs: Math.max(everyMs, CATCH_UP_MS_MIN),
    jitterMs: 0,
    paused: false,
    note: null,
  };
  await register(pool, { by: 'core', id, declared, action: 'reconcile' }, log);
  await syncSchedule({ pool, calls: scheduleCalls(client, ledgerId), ledgerId, taskQueue, log }, id);
}
