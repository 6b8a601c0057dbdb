// What metrics and tem doctor say of schedules, on a real ledger.

import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { checkSchedules } from '../../../src/core/health/schedules.ts';
import { registerScheduleFigures } from '../../../src/core/schedules/figures.ts';
import { MINUTE_MS, useLedger } from './scene.ts';

const ledger = useLedger();

test('what is well is one line, and each thing that is wrong is named in words', async () => {
  await ledger.create({ every: null, cron: '0 0 1 1 *', paused: true });
  await ledger.pool.query('update tem.schedule_state set synced_revision = revision');
  expect(await checkSchedules(ledger.pool)).toEqual({ name: 'schedules', ok: true, detail: '0 active, 1 paused' });
  await ledger.pool.query('delete from tem.schedule');

  // An hour in which nothing ran: some times are late, the others missed.
  await ledger.create({}, 60 * MINUTE_MS);
  const { missed } = await ledger.counts();
  await ledger.pool.query(`update tem.schedule set updated_at = updated_at - interval '2 minutes' where id = $1`, [
    ledger.id,
  ]);
  await ledger.pool.query(
    `update tem.schedule_state set drift = 'too strange', problem = 'no zone', look_at = clock_timestamp() - interval '5 minutes'
     where schedule_id = $1`,
    [ledger.id],
  );
  const finding = await checkSchedules(ledger.pool);
  expect(finding).toMatchObject({ name: 'schedules', ok: false, isWarning: true });
  for (const words of [
    `1 can't be read and do not fire: ${ledger.id} (no zone)`,
    `1 can't be written to Temporal, the ledger fires them 15 s late: ${ledger.id} (too strange)`,
    "the ledger's look is 300 s behind",
    `${missed} times of the last day were missed (${ledger.id})`,
    'were more than 60 s late',
  ]) {
    expect(finding.detail).toContain(words);
  }
});

test('the figures are the sums of the schedules, and how late the last firings were', async () => {
  await ledger.pool.query('delete from tem.schedule');
  await ledger.create({}, 60 * MINUTE_MS);
  const { fired, missed } = await ledger.counts();
  const registry = new Registry();
  registerScheduleFigures(registry, ledger.pool);
  const text = await registry.metrics();
  expect(text).toContain('tem_schedules{state="active"} 1');
  expect(text).toContain(`tem_schedule_times{outcome="fired"} ${fired}`);
  expect(text).toContain(`tem_schedule_times{outcome="missed"} ${missed}`);
  const late = Number(/^tem_schedule_lateness_seconds\{quantile="1"\} (\S+)$/m.exec(text)?.[1]);
  expect(late).toBeGreaterThan(5 * 60);
  expect(late).toBeLessThan(11 * 60);
});
