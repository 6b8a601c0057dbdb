// The naive design: the state is written by ordinary activities before and after the work. And the bare workflow that it
// is held against, with the work alone.

import { proxyActivities } from '@temporalio/workflow';
import type { NaiveActivities } from './activities.ts';

const { markProcessing, handle, markProcessed } = proxyActivities<NaiveActivities>({
  startToCloseTimeout: '30 seconds',
});

export async function naive(id: string): Promise<void> {
  await markProcessing(id);
  await handle(id);
  await markProcessed(id);
}

export async function bare(id: string): Promise<void> {
  await handle(id);
}
