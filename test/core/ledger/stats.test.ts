// The ledger's figures, and what they may cost.

import { expect, it } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { createStatsReader } from '../../../src/core/ledger/stats.ts';
import { createDatabase } from '../../support/database.ts';

const event = (type: string, key: string) => ({ type, key, payload: 1, source: 'test' });

it('counts states, types, rates, the oldest due event and workers', async () => {
  const { pool } = await createDatabase();
  await acceptEvents(pool, [
    event('a', '1'),
    event('a', '2'),
    event('constructor', '3'),
    { ...event('a', '4'), runAt: new Date('2090-01-01') },
  ]);
  await pool.query(`update tem.event set state = 'PROCESSED', due_at = null, processed_at = now() where key = '2'`);
  await pool.query(
    `update tem.event set created_at = now() - interval '90 s', run_at = now() - interval '90 s' where key = '1'`,
  );
  await pool.query(
    `insert into tem.worker (id, lease_until, host, pid, task_queue, types, stopping) values
      (gen_random_uuid(), now() + interval '1 min', 'h', 1, 'q', '{a}', false), (gen_random_uuid(), now() + interval '1 min', 'h', 2, 'q', '{a}', true),
      (gen_random_uuid(), now() - interval '1 s', 'h', 3, 'q', '{a}', false)`,
  );
  const stats = await createStatsReader(pool).read();
  expect(stats.states).toEqual({ QUEUED: 3, PROCESSING: 0, PROCESSED: 1, FAILED: 0, EXTINCT: 0, CANCELLED: 0 });
  expect(stats.types.a).toMatchObject({ QUEUED: 2, PROCESSED: 1 });
  expect(stats.types.constructor).toMatchObject({ QUEUED: 1 });
  expect(stats.rates).toEqual({ acceptedPerSecond: 0.05, processedPerSecond: 0.02 });
  expect(stats.oldest.dueAgeMs).toBeGreaterThanOrEqual(90_000);
  expect(stats.oldest.dueAgeMs).toBeLessThan(120_000);
  expect(stats.workers).toEqual({ alive: 1, stopping: 1 });
});

it('reads the ledger once for many who ask', async () => {
  const { pool } = await createDatabase();
  const reader = createStatsReader(pool);
  const all = await Promise.all(Array.from({ length: 20 }, () => reader.read()));
  expect(new Set(all).size).toBe(1);
  expect(await reader.read()).toBe(all[0]);
});

it('is empty and not wrong on an empty ledger', async () => {
  const { pool } = await createDatabase();
  const stats = await createStatsReader(pool).read();
  expect(stats).toMatchObject({
    types: {},
    oldest: { dueAgeMs: null },
    rates: { acceptedPerSecond: 0, processedPerSecond: 0 },
  });
});
