// Backfills through the real firing: nights in which clocks change, times that were missed, and history that is pruned.

import { expect, test } from 'vitest';
import { backfill } from '../../../src/core/schedules/backfill.ts';
import { pruneSchedules } from '../../../src/core/schedules/prune.ts';
import { listRuns } from '../../../src/core/schedules/runs.ts';
import { MINUTE_MS, useLedger } from './scene.ts';

const ledger = useLedger();

test.each([
  ['*/15 * * * *', 'Europe/Berlin', '2025-10-25T21:00:01Z', '2025-10-26T04:59:59Z', 31],
  ['*/15 * * * *', 'America/New_York', '2025-11-02T03:00:01Z', '2025-11-02T10:59:59Z', 31],
  ['30 2 * * *', 'Europe/Berlin', '2025-03-29T00:00:00Z', '2025-03-31T12:00:00Z', 3],
  ['30 1 * * *', 'America/New_York', '2025-11-01T00:00:00Z', '2025-11-03T23:00:00Z', 3],
  ['0 9 * * 0', 'America/Santiago', '2025-09-05T00:00:00Z', '2025-09-09T00:00:00Z', 1],
])(
  '%s in %s, backfilled over the night in which clocks change, fires each wanted time once',
  async (cron, zone, from, to, wanted) => {
    await ledger.create({ every: null, cron, time_zone: zone });
    const asked = { from: new Date(from), to: new Date(to), rerun: false, actor: 'ada' };
    expect(await backfill(ledger.pool, ledger.id, asked)).toMatchObject({ nominal: wanted, fired: wanted, already: 0 });
    expect(await backfill(ledger.pool, ledger.id, asked)).toMatchObject({ nominal: wanted, fired: 0, already: wanted });
    expect(await ledger.events()).toHaveLength(wanted);
    expect(await backfill(ledger.pool, ledger.id, { ...asked, rerun: true })).toMatchObject({ fired: wanted });
    expect((await ledger.events()).filter(({ key }) => key.endsWith('/r1'))).toHaveLength(wanted);
    expect(await ledger.counts()).toMatchObject({ fired: wanted });
  },
);

test('a backfill of what was missed turns it into fired, one by one', async () => {
  await ledger.create({ catchup_window: '10 seconds' }, 30 * MINUTE_MS);
  const before = await ledger.counts();
  const { runs } = await listRuns(ledger.pool, ledger.id, {}, 100, undefined);
  const missed = runs.filter(({ skipped }) => skipped === 'missed').map(({ at }) => new Date(at as string));
  await backfill(ledger.pool, ledger.id, {
    from: missed.at(-1) as Date,
    to: missed[0] as Date,
    rerun: false,
    actor: 'ada',
  });
  const after = await ledger.counts();
  expect(after.missed).toBe(0);
  expect(after.fired).toBe(before.fired + before.missed);
});

test('pruned runs are remembered as a horizon that a backfill does not cross', async () => {
  await ledger.create({}, 20 * MINUTE_MS);
  await ledger.pool.query('update tem.schedule_run set open = false where schedule_id = $1', [ledger.id]);
  await pruneSchedules(ledger.pool, 5 * MINUTE_MS);
  const asked = {
    from: new Date(Date.now() - 15 * MINUTE_MS),
    to: new Date(Date.now() - 10 * MINUTE_MS),
    rerun: false,
    actor: 'ada',
  };
  await expect(backfill(ledger.pool, ledger.id, asked)).rejects.toThrow('forgotten');
});
