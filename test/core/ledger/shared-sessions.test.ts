// Sessions that a pooler shares between its clients: TEM refuses them in words, before it has set anything there.

import pg from 'pg';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { ledgerFindings } from '../../../src/core/health/ledger.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { migrate } from '../../../src/core/ledger/migrate.ts';
import { createPool, isUnavailable } from '../../../src/core/ledger/pool.ts';
import { createDatabase } from '../../support/database.ts';
import { poolerWithoutOptions } from '../../support/options-dropped.ts';
import { transactionPooler } from '../../support/transaction-pooler.ts';
import { waitFor } from '../../support/wait.ts';

const SETTINGS = `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
  current_setting('search_path') as path, current_setting('jit') as jit`;

test('a pooler in transaction mode is refused by pools, listeners and migrations, and nothing is set behind it', async () => {
  const { databaseUrl, pool: plain } = await createDatabase();
  await plain.query(`alter database ${new URL(databaseUrl).pathname.slice(1)} set jit = on`);
  const pooled = await transactionPooler(databaseUrl);
  // Another program, whose session it is.
  const other = new pg.Client({ connectionString: pooled });
  await other.connect();
  onTestFinished(() => other.end());
  const before = (await other.query(SETTINGS)).rows;

  const pool = createPool(pooled, { max: 2, applicationName: 'tem test' });
  onTestFinished(() => pool.end());
  const error = await pool.query('select 1').catch((failure: unknown) => failure);
  expect(String(error)).toMatch(/a pooler in between is in transaction mode.*Use session mode, or a direct connection/);
  expect(isUnavailable(error)).toBe(true);
  expect(await ledgerFindings(pool, Date.now)).toMatchObject([
    { name: 'database', ok: false, detail: expect.stringMatching(/in transaction mode/) },
  ]);
  await expect(migrate(pooled, () => {})).rejects.toThrow(/in transaction mode/);
  const lines: string[] = [];
  const listener = createListener(pooled, pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }));
  onTestFinished(() => listener.stop());
  listener.listen('test_channel', () => {});
  await waitFor(() => lines.some((line) => line.includes('in transaction mode')));
  expect((await other.query(SETTINGS)).rows).toEqual(before);
});

test('a pooler in session mode is taken', async () => {
  const { databaseUrl } = await createDatabase();
  const pool = createPool(await poolerWithoutOptions(databaseUrl, { ownNumbers: true }), {
    max: 3,
    applicationName: 'tem test',
  });
  onTestFinished(() => pool.end());
  expect((await pool.query(SETTINGS)).rows).toMatchObject([{ statement: '30s', jit: 'off' }]);
});
