// Which failures of a handler's transaction are the handler's own, and count as an attempt, and which are the ledger's,
// and count as nothing (rule 3).

import { expect, onTestFinished, test } from 'vitest';
import { NoPlace, RetryAfter } from '../../../src/core/errors.ts';
import type { HandlerContext } from '../../../src/core/event-type.ts';
import { waitFor } from '../../support/wait.ts';
import { type Handle, insertEffect, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

/** For sessions that begin from now on. */
const readOnly = (how: 'on' | 'reset'): string =>
  `do $$ begin execute format('alter database %I ${
    how === 'on' ? 'set default_transaction_read_only = on' : 'reset default_transaction_read_only'
  }', current_database()); end $$`;
const DAY_MS = 86_400_000;

async function setup(handle: Handle, further: Parameters<typeof typeOf>[1] = {}) {
  const bench = await createBench([typeOf(handle, further)]);
  return { ...bench, id: await bench.accept() };
}

const untilBroken = (tx: HandlerContext['tx']) =>
  waitFor(() =>
    tx.query('select 1').then(
      () => false,
      () => true,
    ),
  );

test.each([
  ['a row that somebody else has locked', `select from held for update nowait`, /could not obtain lock/],
  ['a statement that takes too long', 'select pg_sleep(60)', /statement timeout/],
])('%s is a failed attempt', async (_, statement, error) => {
  const { attempt, id, row, pool } = await setup(async (_event, { tx }) => {
    await tx.query('set local statement_timeout = 100');
    await tx.query(statement);
  });
  await pool.query('create table if not exists held as select 1 as one');
  const holder = await pool.connect();
  try {
    await holder.query('begin; select from held for update');
    expect(await attempt(id)).toMatchObject({ outcome: 'retry', attempt: 1 });
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  expect(await row(id)).toMatchObject({ state: 'FAILED', retry_count: 1, last_error: expect.stringMatching(error) });
});

test.each([
  [
    'another database that a statement can’t reach',
    `raise exception using errcode = '08001', message = 'could not connect'`,
  ],
  ['its limit for temporary files', `raise exception using errcode = '53400', message = 'could not connect'`],
])('%s is a failed attempt', async (_, statement) => {
  const { attempt, id, row } = await setup(async (_event, { tx }) => {
    await tx.query(`do $$ begin ${statement}; end $$`);
  });
  expect(await attempt(id)).toMatchObject({ outcome: 'retry', attempt: 1 });
  expect(await row(id)).toMatchObject({ state: 'FAILED', retry_count: 1, last_error: 'could not connect' });
});

test('an error that the handler deals with itself says nothing of the ledger', async () => {
  const { attempt, id } = await setup(async (event, { tx }) => {
    await tx.query('savepoint before');
    await tx.query(`do $$ begin raise exception using errcode = '08001'; end $$`).catch(() => {});
    await tx.query('rollback to savepoint before');
    await insertEffect(tx, event.id);
  });
  expect(await attempt(id)).toEqual({ outcome: 'processed' });
});

test('a statement may take as long as the handler lets it', async () => {
  const { attempt, id, dependencies } = await setup(async (event, { tx }) => {
    await tx.query('set local statement_timeout = 0');
    await tx.query('select pg_sleep(0.6)');
    await insertEffect(tx, event.id);
  });
  // The time after which a connection is held to be silent; longer than a statement may take, without the handler's word.
  Object.assign(dependencies.handlersPool.options, { query_timeout: 300 });
  expect(await attempt(id)).toEqual({ outcome: 'processed' });
});

test('a wait that the type asks for is not cut, one that the other side asks for is', async () => {
  const policy = { retry: { maxAttempts: 3, base: '2d', cap: '7d', jitter: 0 } } as const;
  const own = await setup(() => Promise.reject(new Error('no')), policy);
  expect(await own.attempt(own.id)).toMatchObject({ outcome: 'retry', delayMs: 2 * DAY_MS });
  const asked = await setup(() => Promise.reject(new RetryAfter('later', 9 * DAY_MS)), policy);
  expect(await asked.attempt(asked.id)).toMatchObject({ outcome: 'retry', delayMs: DAY_MS });
});

test('a lost lock that the handler deals with itself is no failure', async () => {
  const { attempt, id, row } = await setup(async (event, { tx }) => {
    await tx.query('savepoint before');
    await tx.query('set local statement_timeout = 50');
    await expect(tx.query('select pg_sleep(60)')).rejects.toThrow('statement timeout');
    await tx.query('rollback to savepoint before');
    await insertEffect(tx, event.id);
  });
  expect(await attempt(id)).toEqual({ outcome: 'processed' });
  expect(await row(id)).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
});

test.each([
  ['before its next query', true],
  ['before its mark', false],
])('a transaction that was idle for too long %s is a failed attempt, and says what to do', async (_, queries) => {
  let idledOut: Promise<unknown> = Promise.resolve();
  const { attempt, id, row } = await setup(async (_event, { tx }) => {
    await tx.query('set local idle_in_transaction_session_timeout = 50');
    const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
    idledOut = waitFor(async () => (await sessions(rows[0]?.pid as number)) === 0);
    await idledOut;
    if (queries) await tx.query('select 1');
  });
  const { pool } = await createBench([typeOf(() => {})]);
  async function sessions(pid: number): Promise<number> {
    const { rowCount } = await pool.query('select from pg_stat_activity where pid = $1', [pid]);
    return rowCount ?? 0;
  }
  expect(await attempt(id)).toMatchObject({ outcome: 'retry', attempt: 1 });
  expect(await row(id)).toMatchObject({
    state: 'FAILED',
    last_error: expect.stringContaining('do what takes time before the first query of tx'),
  });
});

test('a connection that breaks is not an attempt, whether a query finds it or emit', async () => {
  for (const notice of ['query', 'emit'] as const) {
    const { attempt, id, row, pool } = await setup(async (_event, { tx, emit }) => {
      const { rows } = await tx.query('select pg_backend_pid() as pid');
      await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      if (notice === 'emit') await emit('probe', {});
      else await untilBroken(tx);
    });
    await expect(attempt(id), notice).rejects.toMatchObject({ name: 'LedgerUnavailable' });
    expect(await row(id), notice).toMatchObject({ state: 'PROCESSING', retry_count: 0 });
  }
});

test('the wait for a connection that others hold is not the time of the handler', async () => {
  const { attempt, id, row, dependencies } = await setup((event, { tx }) => insertEffect(tx, event.id), {
    timeout: '200ms',
  });
  const { handlersPool, clock } = dependencies;
  const holders = await Promise.all(Array.from({ length: 5 }, () => handlersPool.connect()));
  const running = attempt(id);
  await waitFor(() => handlersPool.waitingCount === 1);
  // Three times the limit, by the same clock.
  await new Promise<void>((resolve) => void clock.limit(600, resolve));
  for (const holder of holders) holder.release();
  expect(await running).toEqual({ outcome: 'processed' });
  expect(await row(id)).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
});

test('what a handler sets for its session is not there for the next one', async () => {
  const { attempt, id, dependencies, accept } = await setup(async (_event, { tx }) => {
    const { rows } = await tx.query<{ value: string }>(`select current_setting('test.mine', true) as value`);
    await tx.query(`set test.mine = 'left behind'`);
    return rows[0]?.value;
  });
  expect(await attempt(id)).toEqual({ outcome: 'processed' });
  const again = await accept();
  expect(await attempt(again)).toEqual({ outcome: 'processed' });
  const { rows } = await dependencies.marksPool.query('select result from tem.event where id = $1', [again]);
  expect(rows).toEqual([{ result: null }]);
});

const REFUSES_WRITES = `do $$ begin raise exception using errcode = '25006', message = 'only reads here'; end $$`;

test('a ledger that refuses writes, such as one that became a standby, is not an attempt', async () => {
  const { attempt, id, row, pool } = await setup(async (_event, { tx }) => {
    await pool.query(readOnly('on'));
    await tx.query(REFUSES_WRITES);
  });
  onTestFinished(async () => void (await pool.query(`set transaction_read_only = off; ${readOnly('reset')}`)));
  // Said for whoever looks why nothing goes on.
  await expect(attempt(id)).rejects.toThrow('the ledger was lost under the handler: only reads here');
  expect(await row(id)).toMatchObject({ state: 'PROCESSING', retry_count: 0 });
});

test.each([
  ['that made its transaction read-only itself', 'set transaction read only'],
  ['whose statement another database refused so', 'select 1'],
])('a handler %s has failed', async (_, first) => {
  const { attempt, id, row } = await setup(async (_event, { tx }) => {
    await tx.query(first);
    await tx.query(REFUSES_WRITES);
  });
  expect(await attempt(id)).toMatchObject({ outcome: 'retry', attempt: 1 });
  expect(await row(id)).toMatchObject({ state: 'FAILED', retry_count: 1, last_error: 'only reads here' });
});

test('an attempt that found no place is handed back, counts as nothing and comes again a little later', async () => {
  const { attempt, id, row, pool } = await setup(() => {
    throw new NoPlace('other requests held all places');
  });
  expect(await attempt(id)).toEqual({ outcome: 'released' });
  expect(await row(id)).toMatchObject({
    state: 'QUEUED',
    retry_count: 0,
    crash_count: 0,
    last_error: null,
    queued: true,
  });
  const { rows } = await pool.query('select due_at > updated_at as later from tem.event where id = $1', [id]);
  expect(rows).toEqual([{ later: true }]);
  const history = await pool.query(`select error from tem.transition where event_id = $1 and to_state = 'QUEUED'`, [
    id,
  ]);
  expect(history.rows.at(-1)).toEqual({ error: 'other requests held all places' });
});
