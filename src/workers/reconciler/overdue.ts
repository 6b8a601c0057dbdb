// Events past their due_by: somebody should have shown progress. What Temporal knows of their run decides (rule 7).

import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { EventTypes } from '../../core/event-types.ts';
import { free, type Owned, overdue } from '../../core/ledger/free.ts';
import { eventWorkflowId } from '../../core/workflow-id.ts';
import { followClosedRun } from './closed-runs.ts';

const EVENTS_MAX = 500;
const DESCRIBES_AT_ONCE = 10;
/** An open run without progress for this long is ended, and its event starts again. */
const STUCK_AFTER_MS = 5 * 60_000;

export async function lookAfterOverdue(pool: Pool, client: Client, types: EventTypes, log: Logger): Promise<void> {
  const events = await overdue(pool, EVENTS_MAX);
  const byRun = new Map<string, Owned[]>();
  for (const event of events) {
    const workflowId = event.workflowId ?? eventWorkflowId(event.type, event.key, types.get(event.type)?.keyPrivate);
    byRun.set(workflowId, [...(byRun.get(workflowId) ?? []), event]);
  }
  const runs = [...byRun];
  for (let start = 0; start < runs.length; start += DESCRIBES_AT_ONCE) {
    const some = runs.slice(start, start + DESCRIBES_AT_ONCE);
    await Promise.all(some.map(([workflowId, owned]) => lookAfterRun(pool, client, log, workflowId, owned)));
  }
}

async function lookAfterRun(
  pool: Pool,
  client: Client,
  log: Logger,
  workflowId: string,
  owned: Owned[],
): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const run = await handle.describe();
    if (run.status.name !== 'RUNNING') {
      await followClosedRun(pool, client, log, run);
      // A closed run of an older generation says nothing of these.
      await free(pool, owned);
      return;
    }
    const stuck = owned.filter((event) => event.overdueMs > STUCK_AFTER_MS);
    if (stuck.length === 0) return;
    log.error({ workflowId, events: stuck.length }, 'a run shows no progress: it is ended and its events start again');
    await free(pool, stuck);
    await client.workflow.getHandle(workflowId, run.runId).terminate('no progress');
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    await free(pool, owned);
    log.warn({ workflowId, events: owned.length }, 'Temporal knows no run of these events: they start again');
  }
}
