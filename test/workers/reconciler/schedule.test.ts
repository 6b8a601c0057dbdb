// The schedule of the reconcile turns follows the settings of the worker that looks after it.

import pino from 'pino';
import { expect, test } from 'vitest';
import { ensureReconcileSchedule } from '../../../src/workers/reconciler/schedule.ts';
import { createDatabase } from '../../support/database.ts';
import { createNamespace } from '../../support/temporal.ts';

test('a changed time between turns reaches the schedule that is there', async () => {
  const [{ client }, { pool }] = await Promise.all([createNamespace(), createDatabase()]);
  const { rows } = await pool.query<{ id: string }>('select id from tem.ledger');
  const ledgerId = rows[0]?.id as string;
  const options = { pool, client, ledgerId, taskQueue: 'turns', log: pino({ level: 'silent' }) };
  const everyMs = async (): Promise<(number | undefined)[]> => {
    const { spec } = await client.schedule.getHandle(`tem-reconcile-${ledgerId.slice(0, 8)}`).describe();
    return (spec.intervals ?? []).map(({ every }) => every);
  };
  for (const ms of [60_000, 5_000, 5_000]) {
    await ensureReconcileSchedule({ ...options, everyMs: ms });
    expect(await everyMs()).toEqual([ms]);
  }
});
