// Runs that were closed from outside: one visibility query a turn tells which (rule 7). A person's cancel or terminate
// means CANCELLED; everything else that closed without an outcome is started again.

import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { cancelEvent } from '../../core/ledger/cancel.ts';
import { free, ownedByRun } from '../../core/ledger/free.ts';
import { isLocked } from '../../core/ledger/pool.ts';
import { type EventMemo, WORKFLOW } from '../../workflows/contract.ts';
import { TEM_IDENTITY } from '../identity.ts';
import type { GoOn } from './alone.ts';

/** Visibility lags: each turn looks back beyond the one before. */
const OVERLAP_MS = 5 * 60_000;
/** What closed before is found by its due_by. */
const LOOK_BACK_MS_MAX = 24 * 3_600_000;
const RUNS_MAX = 5_000;
const RUNS_AT_ONCE = 10;

/**
 * By which the server itself ends runs; a reset ends one so that another goes on with its history. No identity at all is
 * a person in a Web UI without login.
 */
const SERVER_IDENTITIES = new Set(['history-service', 'history-resetter', 'temporal-system']);

interface Unfinished {
  id: string;
  generation: number;
}

/** `lastTurnMs`: how long ago the last whole turn ended. */
export async function followClosedRuns(
  { pool, client, log }: { pool: Pool; client: Client; log: Logger },
  lastTurnMs: number,
  goOn: GoOn,
): Promise<void> {
  const since = new Date(Date.now() - Math.min(lastTurnMs + OVERLAP_MS, LOOK_BACK_MS_MAX)).toISOString();
  const query =
    `WorkflowType IN ('${WORKFLOW.event}', '${WORKFLOW.eventBatch}') ` +
    `AND ExecutionStatus IN ('Canceled', 'Terminated', 'TimedOut') AND CloseTime > '${since}'`;
  let seen = 0;
  let some: ClosedRun[] = [];
  const follow = async (): Promise<boolean> => {
    await Promise.all(some.map((run) => followClosedRun(pool, client, log, run)));
    some = [];
    return goOn();
  };
  for await (const run of client.workflow.list({ query })) {
    some.push(run);
    if (++seen >= RUNS_MAX) break;
    if (some.length === RUNS_AT_ONCE && !(await follow())) return;
  }
  await follow();
}

type ClosedRun = Pick<WorkflowExecutionInfo, 'type' | 'workflowId' | 'runId' | 'status'> & { memo?: unknown };

/** Settles the events of one closed run; does nothing for those that have ended or have a newer run. */
export async function followClosedRun(pool: Pool, client: Client, log: Logger, run: ClosedRun): Promise<void> {
  const owned = run.type === WORKFLOW.eventBatch ? await ownedByRun(pool, run.workflowId) : await eventOf(pool, run);
  if (owned.length === 0) return;
  const person = run.type === WORKFLOW.event ? await closedByPerson(client, run) : undefined;
  if (person === undefined) {
    await free(pool, owned);
    log.warn(
      { workflowId: run.workflowId, status: run.status.name },
      'a run closed without an outcome, its events start again',
    );
    return;
  }
  for (const event of owned) {
    await cancelEvent(pool, event.id, `temporal: ${person}`, true).catch((error: unknown) => {
      // Whose row somebody holds is looked at again in the next turn.
      if (!isLocked(error)) throw error;
    });
  }
}

async function eventOf(pool: Pool, run: ClosedRun): Promise<Unfinished[]> {
  const { event, generation } = (run.memo ?? {}) as Partial<EventMemo>;
  if (event === undefined) return ownedByRun(pool, run.workflowId);
  const { rows } = await pool.query<Unfinished>(
    'select id, generation from tem.event where id = $1 and generation = $2 and due_by is not null and not cancel_requested',
    [event, generation],
  );
  return rows;
}

/** Who closed the run, as a text; undefined when it was the server or TEM. */
async function closedByPerson(client: Client, run: ClosedRun): Promise<string | undefined> {
  if (run.status.name === 'CANCELLED') return 'cancelled there';
  if (run.status.name !== 'TERMINATED') return undefined;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId: run.workflowId, runId: run.runId },
    maximumPageSize: 1,
  });
  const terminated = history?.events?.[0]?.workflowExecutionTerminatedEventAttributes;
  if (!terminated) return undefined;
  const identity = terminated.identity ?? '';
  if (identity.startsWith(TEM_IDENTITY) || SERVER_IDENTITIES.has(identity)) return undefined;
  return identity === '' ? 'terminated there' : identity;
}
