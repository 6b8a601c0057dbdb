// An attempt that a workflow makes: the event's run begins it in the ledger, runs the workflow as its child, and writes down
// how it ended. A cancel reaches the child first; what the child makes of it decides.

import {
  ApplicationFailure,
  type CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  executeChild,
  ParentClosePolicy,
  proxyLocalActivities,
  TerminatedFailure,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { AttemptOutcome } from '../core/attempt/attempt.ts';
import type { RunEnd } from '../core/attempt/workflow-run.ts';
import type { EventWorkflowInput } from '../core/event-workflow.ts';
import type { AttemptInput, EventActivities, EventPolicy } from './contract.ts';
import { accounting } from './options.ts';

const { beginRun, endRun } = proxyLocalActivities<EventActivities>(accounting);

/** `child` is the scope that a cancel of the event cancels. */
export async function childAttempt(
  input: AttemptInput,
  policy: EventPolicy & { workflow: string },
  child: CancellationScope,
): Promise<AttemptOutcome> {
  const begun = await beginRun(input);
  if (begun.outcome !== 'run') return begun;
  const ended = await child.run(() => runChild(input, policy, begun.fence.epoch, begun.fence.attempt)).catch(endOf);
  return endRun({ ...input, fence: begun.fence, ended });
}

async function runChild(
  { ledger, id, type, generation }: AttemptInput,
  { workflow, timeoutMs }: EventPolicy & { workflow: string },
  epoch: number,
  attempt: number,
): Promise<RunEnd> {
  const event: EventWorkflowInput = { ledger, event: id, type, attempt, epoch };
  const result = await executeChild(workflow, {
    args: [event],
    workflowId: `${workflowInfo().workflowId}/${generation}.${epoch}`,
    workflowExecutionTimeout: timeoutMs,
    // It goes on only for the sake of this run.
    parentClosePolicy: ParentClosePolicy.TERMINATE,
    staticSummary: `attempt ${attempt} of ${type}`,
  });
  return { end: 'returned', result };
}

function endOf(error: unknown): RunEnd {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof CancelledFailure || cause instanceof TerminatedFailure) return { end: 'cancelled' };
  if (cause instanceof TimeoutFailure) return { end: 'timedOut' };
  const text = cause instanceof Error ? cause.message : String(cause);
  return { end: 'failed', error: text, retryable: !(cause instanceof ApplicationFailure && cause.nonRetryable) };
}
