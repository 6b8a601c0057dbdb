// Events past their due_by: somebody should have shown progress. What Temporal knows of their run decides (rule 7).

import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { RUN_DUE_BY_MS } from '../../core/attempt/workflow-run.ts';
import type { EventType } from '../../core/event-type.ts';
import type { EventTypes } from '../../core/event-types.ts';
import { free, keepOwned, type Owned, overdue } from '../../core/ledger/free.ts';
import { eventWorkflowId } from '../../core/workflow-id.ts';
import type { GoOn } from './alone.ts';
import { followClosedRun } from './closed-runs.ts';

const SLICE_MAX = 500;
const SLICES_PER_TURN_MAX = 20;
const DESCRIBES_AT_ONCE = 10;
/** An open run without progress for this long is ended, and its event starts again. */
const STUCK_AFTER_MS = 5 * 60_000;

export interface OverdueOptions {
  pool: Pool;
  client: Client;
  types: EventTypes;
  log: Logger;
  /** After how long an open run without progress is ended; 5 minutes by default. */
  stuckAfterMs?: number;
}

/** Looks at overdue events in slices, longest overdue first: runs that are open and well must not hide those that are lost. */
export async function lookAfterOverdue(options: OverdueOptions, goOn: GoOn): Promise<void> {
  let last: Owned | undefined;
  for (let slice = 0; slice < SLICES_PER_TURN_MAX; slice++) {
    const events = await overdue(options.pool, SLICE_MAX, last);
    const runs = byRun(events, options.types);
    for (let start = 0; start < runs.length; start += DESCRIBES_AT_ONCE) {
      const some = runs.slice(start, start + DESCRIBES_AT_ONCE);
      await Promise.all(some.map(([workflowId, owned]) => lookAfterRun(options, workflowId, owned)));
      if (!(await goOn())) return;
    }
    last = events.at(-1);
    if (events.length < SLICE_MAX) return;
  }
}

function byRun(events: readonly Owned[], types: EventTypes): [workflowId: string, Owned[]][] {
  const runs = new Map<string, Owned[]>();
  for (const event of events) {
    const workflowId = event.workflowId ?? eventWorkflowId(event.type, event.key, types.get(event.type)?.keyPrivate);
    runs.set(workflowId, [...(runs.get(workflowId) ?? []), event]);
  }
  return [...runs];
}

async function lookAfterRun(options: OverdueOptions, workflowId: string, owned: Owned[]): Promise<void> {
  const { pool, client, log, stuckAfterMs = STUCK_AFTER_MS } = options;
  const handle = client.workflow.getHandle(workflowId);
  try {
    const run = await handle.describe();
    if (run.status.name !== 'RUNNING') {
      await followClosedRun(pool, client, log, run);
      // A closed run of an older generation says nothing of these.
      await free(pool, owned);
      return;
    }
    const [well, others] = parted(owned, (event) => isWell(options.types.get(event.type), event));
    if (well.length > 0) {
      await keepOwned(pool, well, RUN_DUE_BY_MS);
      // Whoever was to cancel it may not have heard.
      if (well.some((event) => event.cancelRequested)) await handle.cancel();
    }
    const stuck = others.filter((event) => event.overdueMs > stuckAfterMs);
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

/** A workflow that makes an attempt shows no progress of its own: it may run for as long as its type lets it. */
function isWell(type: EventType | undefined, { openMs }: Owned): boolean {
  return type?.workflow !== undefined && openMs !== null && openMs < type.timeoutMs + RUN_DUE_BY_MS;
}

function parted<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
