// One turn of the reconciler, started by a Temporal Schedule every minute.

import { proxyActivities } from '@temporalio/workflow';
import type { EventActivities } from './contract.ts';
import { reconciling } from './options.ts';

export async function reconcile(input: { ledger: string }): Promise<void> {
  await proxyActivities<EventActivities>(reconciling).reconcile(input);
}
