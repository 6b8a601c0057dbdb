// One firing of a schedule: tells the ledger which schedule and which second, and the ledger decides. Its own id carries the
// second, because Temporal appends it.

import { proxyLocalActivities } from '@temporalio/workflow';
import type { EventActivities } from './contract.ts';
import { firing } from './options.ts';

export async function scheduleFiring(input: { schedule: string }): Promise<string> {
  return proxyLocalActivities<EventActivities>(firing).fireSchedule(input);
}
