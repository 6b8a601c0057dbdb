// Timeouts and retry policies of the workflows' activities. Temporal never counts attempts: the ledger does, so every
// policy here is unlimited and only spaces out what failed because something was away (rule 3).

import type { ActivityOptions, LocalActivityOptions } from '@temporalio/workflow';
import { ActivityCancellationType } from '@temporalio/workflow';
import type { EventPolicy } from './contract.ts';

// The wrapper's own timeout comes first, so that a timeout is our failure with a next time.
const ATTEMPT_MARGIN_MS = 10_000;
// A mark is written through outages of this length.
const OUTAGE_MS = 60_000;
// UNCOUNTED_MAX_MS of the attempt's clock, which code in the sandbox may not load.
const UNCOUNTED_MS = 60_000;
const MARGINS_MS = ATTEMPT_MARGIN_MS + UNCOUNTED_MS + OUTAGE_MS;
const AWAY_RETRY = { initialInterval: 500, backoffCoefficient: 2, maximumInterval: 10_000 } as const;
const HEARTBEAT_TIMEOUT_MS = 10_000;

export const attempting = {
  local: (policy: EventPolicy): LocalActivityOptions => ({
    startToCloseTimeout: policy.timeoutMs + MARGINS_MS,
    retry: AWAY_RETRY,
  }),
  ordinary: (policy: EventPolicy, attempt: number): ActivityOptions => ({
    activityId: `attempt ${attempt} of ${policy.maxAttempts}`,
    summary:
      attempt < policy.maxAttempts ? `attempts ${attempt} to ${policy.maxAttempts}` : `attempt ${attempt}, the last`,
    startToCloseTimeout: policy.timeoutMs + MARGINS_MS,
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    retry: AWAY_RETRY,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
  }),
  // The whole set first, then its members one by one.
  batch: (policy: EventPolicy): LocalActivityOptions => ({
    startToCloseTimeout: 2 * policy.timeoutMs + MARGINS_MS + UNCOUNTED_MS,
    retry: AWAY_RETRY,
  }),
};

export const settling = (policy: EventPolicy): ActivityOptions => ({
  activityId: 'settle',
  summary: 'compensate and end',
  startToCloseTimeout: policy.timeoutMs + MARGINS_MS,
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  retry: AWAY_RETRY,
});

/** Beginning and ending the attempt of a workflow: one statement each, written through an outage. */
export const accounting: LocalActivityOptions = {
  startToCloseTimeout: ATTEMPT_MARGIN_MS + OUTAGE_MS,
  retry: AWAY_RETRY,
};

export const asking: LocalActivityOptions = { startToCloseTimeout: 10_000, retry: AWAY_RETRY };

export const adoption: LocalActivityOptions = {
  startToCloseTimeout: 10_000,
  retry: { ...AWAY_RETRY, nonRetryableErrorTypes: ['EventStartRefused'] },
};

// Eight kinds of work of half a minute each; within the schedule's limit for a run.
export const reconciling: ActivityOptions = {
  startToCloseTimeout: 280_000,
  heartbeatTimeout: 30_000,
  retry: { ...AWAY_RETRY, maximumAttempts: 3 },
};

export const firing: LocalActivityOptions = { startToCloseTimeout: 10_000, retry: AWAY_RETRY };
