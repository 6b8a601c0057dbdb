// Many events of one type in one run, when more are due than there are slots. Its members' outcomes are in the ledger;
// those that fail have left it for a run of their own.

import { proxyLocalActivities } from '@temporalio/workflow';
import type { BatchOutcome } from '../core/attempt/batch.ts';
import type { EventActivities, EventBatchInput } from './contract.ts';
import { attempting } from './options.ts';

export async function eventBatch(input: EventBatchInput): Promise<BatchOutcome> {
  return proxyLocalActivities<EventActivities>(attempting.batch(input.policy)).runBatch(input);
}
