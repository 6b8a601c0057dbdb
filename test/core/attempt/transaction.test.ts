// The handler's transaction: its writes and the mark commit together or not at all, whatever the handler does with it and
// whatever happens to the COMMIT.

import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { LedgerTransaction } from '../../../src/core/attempt/transaction.ts';
import type { Transaction } from '../../../src/core/event-type.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';
import { activity, gate, insertEffect, openBench, typeOf } from './bench.ts';
import { createPostgresProxy, type PostgresProxy } from './postgres-proxy.ts';

const createBench = await openBench();

const { pool } = await createDatabase();
await pool.query('create table kept (what text)');

async function keptIn(pool: pg.Pool, what: string): Promise<number> {
  const { rows } = await pool.query('select count(*)::int as count from kept where what = $1', [what]);
  return rows[0].count;
}

const CONTROL_STATEMENTS = [
  'commit',
  'COMMIT;',
  '  commit work',
  '; commit',
  ';;\n;commit',
  '-- a comment\ncommit',
  '-- a comment\rcommit',
  '/* a */ commit',
  '/* a /* b */ c */ commit',
  'end',
  'abort',
  'rollback',
  'rollback and chain',
  'ROLLBACK WORK',
  'begin',
  'start transaction',
  "prepare transaction 'p'",
];

describe('a transaction', () => {
  test('refuses to be ended, in words, however that is written', async () => {
    const tx = new LedgerTransaction(pool);
    await tx.query(`select set_config('test.open', 'yes', true)`);
    for (const text of CONTROL_STATEMENTS) {
      await expect(tx.query(text), text).rejects.toThrow(/tx refuses [A-Z]+/);
      const { rows } = await tx.query(`select current_setting('test.open') as open`);
      expect(rows, text).toEqual([{ open: 'yes' }]);
    }
    await tx.rollback();
  });

  test('takes one statement at a time, so that nothing hides behind a semicolon', async () => {
    for (const text of ['select 1; commit', "do 'begin commit; end'", 'select 1; select 2']) {
      const tx = new LedgerTransaction(pool);
      await tx.query(`insert into kept values ('hidden')`);
      await expect(tx.query(text), text).rejects.toThrow();
      await tx.rollback();
      expect(await keptIn(pool, 'hidden'), text).toBe(0);
    }
  });

  test('allows savepoints', async () => {
    const tx = new LedgerTransaction(pool);
    await tx.query('insert into kept values ($1)', ['before']);
    await tx.query('savepoint before');
    await expect(tx.query('select 1 / $1::int', [0])).rejects.toThrow('division by zero');
    await tx.query('rollback to savepoint before');
    await tx.query('rollback to before');
    await tx.query('release savepoint before');
    await tx.query('insert into kept values ($1)', ['after']);
    expect(await tx.commit(async () => true)).toBe(true);
    expect([await keptIn(pool, 'before'), await keptIn(pool, 'after')]).toEqual([1, 1]);
  });

  test('opens no connection when it is not used', async () => {
    const { accept, attempt, dependencies } = await createBench([typeOf(() => 'done')]);
    await attempt(await accept());
    expect(dependencies.handlersPool.totalCount).toBe(0);
  });

  test('ends with a statement that still runs, on the server too', async () => {
    const tx = new LedgerTransaction(pool);
    await tx.query(`insert into kept values ('abandoned')`);
    const sleeping = tx.query('select pg_sleep(60)').catch((error: Error) => error);
    await waitFor(() => activity(pool, `query = 'select pg_sleep(60)' and state = 'active'`));
    await tx.rollback();
    expect(await sleeping).toBeInstanceOf(Error);
    await waitFor(async () => (await activity(pool, `query = 'select pg_sleep(60)'`)) === 0);
    expect(await keptIn(pool, 'abandoned')).toBe(0);
  });

  test('is taken away when its attempt is over', async () => {
    let leaked: Transaction | undefined;
    const { accept, attempt, effects, row } = await createBench([
      typeOf(async (event, { tx }) => {
        leaked = tx;
        await insertEffect(tx, event.id);
      }),
    ]);
    const id = await accept();
    await attempt(id);
    await expect(leaked?.query(`insert into effect (event) values ('leaked')`)).rejects.toThrow('its attempt is over');
    expect(await effects('leaked')).toBe(0);
    expect(await row(id)).toMatchObject({ state: 'PROCESSED' });
  });

  test('is taken away from a handler that outlives its limit, and its connection goes on to the next', async () => {
    const { opened, open } = gate();
    const late = gate<unknown>();
    const { accept, attempt, effects, row, dependencies } = await createBench([
      typeOf(
        async (event, { tx }) => {
          try {
            await insertEffect(tx, event.id);
            await opened;
            await insertEffect(tx, 'late');
          } catch (error) {
            late.open(error);
          }
        },
        { timeout: '100ms' },
      ),
    ]);
    const id = await accept();
    expect(await attempt(id)).toMatchObject({ outcome: 'retry' });
    open();
    expect(await late.opened).toMatchObject({ message: expect.stringContaining('its attempt is over') });
    expect(await row(id)).toMatchObject({ state: 'FAILED', last_error: 'the attempt timed out after 100 ms' });
    expect([await effects(id), await effects('late')]).toEqual([0, 0]);
    expect(dependencies.handlersPool.idleCount).toBe(dependencies.handlersPool.totalCount);
  });
});

describe('a COMMIT that gets lost', () => {
  async function setup() {
    let proxy: PostgresProxy | undefined;
    let calls = 0;
    const bench = await createBench(
      [
        typeOf(async (event, { tx }) => {
          calls += 1;
          await insertEffect(tx, event.id);
        }),
      ],
      {
        handlersUrl: async (url) => {
          proxy = await createPostgresProxy(url);
          return proxy.url;
        },
      },
    );
    return { ...bench, proxy: proxy as PostgresProxy, calls: () => calls };
  }

  test('on its way back has happened: the row says so and nothing is done again', async () => {
    const { accept, attempt, effects, row, proxy, calls } = await setup();
    const id = await accept();
    proxy.loseNextCommit('answer');
    expect(await attempt(id)).toEqual({ outcome: 'processed' });
    expect(proxy.lost()).toBe(1);
    expect([calls(), await effects(id)]).toEqual([1, 1]);
    expect(await row(id)).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
  });

  test('on its way out has not happened: the attempt runs again and is not counted', async () => {
    const { accept, attempt, effects, row, proxy, calls } = await setup();
    const id = await accept();
    proxy.loseNextCommit('request');
    await expect(attempt(id, { generation: 0 })).rejects.toMatchObject({ name: 'LedgerUnavailable' });
    expect(await row(id)).toMatchObject({ state: 'PROCESSING', retry_count: 0 });
    expect(await attempt(id, { generation: 0, attempt: 1 })).toEqual({ outcome: 'processed' });
    expect([calls(), await effects(id)]).toEqual([2, 1]);
    expect(await row(id)).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
  });
});
