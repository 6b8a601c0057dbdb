// The Temporal Schedule that runs a reconcile turn; put back when somebody deleted it, and
// set to the time between turns that this worker was given.

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
  const spec = { intervals: [{ every: everyMs }] };
  // A missed turn is made up by the next one.
  const policies = { overlap: 'SKIP', catchupWindow: everyMs } as const;
  try {
    const handle = client.schedule.getHandle(scheduleId);
    const [interval] = (await handle.describe()).spec.intervals ?? [];
    if (interval?.every !== everyMs) await handle.update((schedule) => ({ ...schedule, spec, policies }));
    return;
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
  try {
    await client.schedule.create({
      scheduleId,
      spec,
      policies,
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
