// The least that a workflow can be whose work happens in a local activity.

import { proxyLocalActivities } from '@temporalio/workflow';

const { nothing } = proxyLocalActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '30 seconds' });

export async function limit(): Promise<void> {
  await nothing();
}
