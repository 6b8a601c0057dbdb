// Many events of one type in one run, when more are due than there are slots. Its members' outcomes are in the ledger;
// those that fail have left it for a run of their own.

import { ApplicationFailure, proxyLocalActivities } from '@temporalio/workflow';
import type { BatchOutcome } from '../core/attempt/batch.ts';
import { type EventActivities, type EventBatchInput, FAILURE } from './contract.ts';
import { attempting } from './options.ts';

export async function eventBatch(input: EventBatchInput): Promise<BatchOutcome> {
  // A person may have given anything, also nothing.
  if (!Array.isArray(input?.members) || typeof input.policy?.timeoutMs !== 'number') {
    throw ApplicationFailure.nonRetryable(
      'only the relay starts batches: start the event workflow, with the id of an event, such as {"id": "018f..."}',
      FAILURE.refused,
    );
  }
  return proxyLocalActivities<EventActivities>(attempting.batch(input.policy)).runBatch(input);
}
