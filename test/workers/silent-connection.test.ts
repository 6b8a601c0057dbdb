// A worker's connections go silent while the ledger is well: its lease goes on over new ones, or everybody would take
// it for dead and begin its attempts again (rule 7).

import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createRunning } from '../../src/core/attempt/running.ts';
import { LEASE_MS } from '../../src/core/ledger/leases.ts';
import { createListener } from '../../src/core/ledger/listener.ts';
import { createCorePool, createLeasePool } from '../../src/workers/connections.ts';
import { createLeaseKeeper } from '../../src/workers/lease-keeper.ts';
import { createDatabase } from '../support/database.ts';
import { linkDatabase } from '../support/database-link.ts';
import { waitFor } from '../support/wait.ts';

const MANY = 50;
const RENEWED_LATE_MS = 5_000;

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const link = await linkDatabase(databaseUrl);
  const own = createCorePool(link.databaseUrl);
  const leasePool = createLeasePool(link.databaseUrl);
  const log = pino({ level: 'silent' });
  const listener = createListener(databaseUrl, log);
  const id = randomUUID();
  const worker = { id, host: 'test', pid: 1, taskQueue: 'test', types: [] };
  const keeper = createLeaseKeeper({
    pool: own,
    leasePool,
    worker,
    running: createRunning(),
    counters: {},
    listener,
    log,
  });
  await keeper.start();
  // Every connection that it may have is open.
  await Promise.all(Array.from({ length: MANY }, () => own.query('select')));
  onTestFinished(async () => {
    await keeper.stop();
    await listener.stop();
    await link.cut();
    await Promise.all([own.end(), leasePool.end()]);
  });
  return {
    link,
    /** For how long the lease still lasts, by Postgres's clock. */
    async leaseLeftMs(): Promise<number> {
      const { rows } = await pool.query<{ leftMs: number }>(
        `select extract(epoch from lease_until - clock_timestamp())::float8 * 1000 as "leftMs" from tem.worker where id = $1`,
        [id],
      );
      return rows[0]?.leftMs ?? 0;
    },
  };
}

test('a lease goes on when every open connection has gone silent, and is never over meanwhile', async () => {
  const { link, leaseLeftMs } = await setup();
  link.silence();
  const silentAt = performance.now();
  let leastMs = LEASE_MS;
  // Without a renewal it would be over by then.
  await waitFor(async () => {
    leastMs = Math.min(leastMs, await leaseLeftMs());
    return performance.now() - silentAt > LEASE_MS + RENEWED_LATE_MS;
  });
  expect(leastMs).toBeGreaterThan(0);
});
