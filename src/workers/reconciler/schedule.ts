// The Temporal Schedule that runs a reconcile turn; put back when somebody deleted it.

import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError } from '@temporalio/client';
import { WORKFLOW } from '../../workflows/contract.ts';

const TURN_TIMEOUT_MS = 300_000;

export interface ReconcileSchedule {
  client: Client;
  ledgerId: string;
  taskQueue: string;
  everyMs: number;
}

export async function ensureReconcileSchedule({
  client,
  ledgerId,
  taskQueue,
  everyMs,
}: ReconcileSchedule): Promise<void> {
  const scheduleId = `tem-reconcile-${ledgerId.slice(0, 8)}`;
  try {
    await client.schedule.getHandle(scheduleId).describe();
    return;
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
  try {
    await client.schedule.create({
      scheduleId,
      spec: { intervals: [{ every: everyMs }] },
      // A missed turn is made up by the next one.
      policies: { overlap: 'SKIP', catchupWindow: everyMs },
      action: {
        type: 'startWorkflow',
        workflowType: WORKFLOW.reconcile,
        workflowId: scheduleId,
        taskQueue,
        args: [{ ledger: ledgerId }],
        workflowRunTimeout: TURN_TIMEOUT_MS,
      },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
