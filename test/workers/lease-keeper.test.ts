// The lease of a worker, on a real ledger: who may say that others are gone, and what many cancels cost.

import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createRunning } from '../../src/core/attempt/running.ts';
import { CANCEL_CHANNEL } from '../../src/core/ledger/cancel.ts';
import { createListener } from '../../src/core/ledger/listener.ts';
import { createPool } from '../../src/core/ledger/pool.ts';
import { createLeaseKeeper } from '../../src/workers/lease-keeper.ts';
import { createDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait.ts';

const CANCELS = 500;
/** Those that come while one question is under way share the next. */
const QUESTIONS_MAX = 50;

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const log = pino({ level: 'silent' });
  const running = createRunning();
  const listener = createListener(databaseUrl, log);
  const own = createPool(databaseUrl, { max: 6, applicationName: 'tem worker' });
  let questions = 0;
  const query = own.query.bind(own) as (...args: unknown[]) => unknown;
  Object.assign(own, {
    query(...args: unknown[]) {
      if ((args[0] as { name?: string }).name === 'cancels-among') questions += 1;
      return query(...args);
    },
  });
  const id = randomUUID();
  const worker = { id, host: 'test', pid: 1, taskQueue: 'test', types: [] };
  const keeper = createLeaseKeeper({ pool: own, leasePool: own, worker, running, counters: {}, listener, log });
  await keeper.start();
  await listener.ready();
  onTestFinished(async () => {
    await keeper.stop();
    await listener.stop();
    await own.end();
  });
  return { id, keeper, pool, running, questions: () => questions };
}

test('a worker whose own lease was over judges nobody: the ledger was away, or its clock has jumped', async () => {
  const { id, keeper, pool } = await setup();
  // Not while the server is young.
  await waitFor(() => keeper.mayJudge(), 30_000);
  await pool.query(`update tem.worker set lease_until = clock_timestamp() - interval '1 second' where id = $1`, [id]);
  await waitFor(() => !keeper.mayJudge(), 10_000);
  expect((await pool.query('select from tem.worker where lease_until > clock_timestamp()')).rowCount).toBe(1);
});

test('many cancels at once are asked about together', async () => {
  const { pool, running, questions } = await setup();
  const controller = new AbortController();
  onTestFinished(running.enter(randomUUID(), controller));
  const before = questions();
  await pool.query(`select pg_notify($1, n::text) from generate_series(1, $2) n`, [CANCEL_CHANNEL, CANCELS]);
  await waitFor(() => questions() > before);
  await pool.query('select pg_sleep(0.5)');
  expect(questions() - before).toBeLessThan(QUESTIONS_MAX);
});
