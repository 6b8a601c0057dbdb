// The schedule of the reconcile turns follows the settings of the worker that looks after it.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ensureReconcileSchedule } from '../../../src/workers/reconciler/schedule.ts';
import { createNamespace } from '../../support/temporal.ts';

test('a changed time between turns reaches the schedule that is there', async () => {
  const { client } = await createNamespace();
  const ledgerId = randomUUID();
  const options = { client, ledgerId, taskQueue: 'turns' };
  const everyMs = async (): Promise<(number | undefined)[]> => {
    const { spec } = await client.schedule.getHandle(`tem-reconcile-${ledgerId.slice(0, 8)}`).describe();
    return (spec.intervals ?? []).map(({ every }) => every);
  };
  for (const ms of [60_000, 5_000, 5_000]) {
    await ensureReconcileSchedule({ ...options, everyMs: ms });
    expect(await everyMs()).toEqual([ms]);
  }
});
