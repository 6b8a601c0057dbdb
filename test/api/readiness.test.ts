// What readyz names, each on a system that really has the fault: what keeps events from being accepted and run is missing,
// what only endangers the promise is a warning.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createReadiness, type Readiness } from '../../src/api/readiness.ts';
import { migrate } from '../../src/core/ledger/migrate.ts';
import { createPool } from '../../src/core/ledger/pool.ts';
import { startPostgres } from '../../src/services/postgres.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { makeHome } from '../support/home.ts';
import { startProxy, withoutNotifications } from '../support/proxy.ts';
import { POSTGRES_BIN } from '../support/servers.ts';
import { waitFor } from '../support/wait.ts';
import { registerLiveWorker, setup } from './setup.ts';

const CLOCK_WRONG_BY_MS = 60_000;
// The notification that never comes is waited for longer.
const ANSWER_WITHIN_MS = 1_500;
const NOT_DURABLE = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };
const temporalIsThere = async (): Promise<void> => {};
const hasRoom = (): boolean => false;

/** Asks until the answer fits: what is slow to find out comes with a later one. */
async function untilReady(read: () => Promise<Readiness>, fits: (readiness: Readiness) => boolean): Promise<Readiness> {
  return waitFor(async () => {
    const readiness = await read();
    return fits(readiness) ? readiness : undefined;
  });
}

async function withWorker(): Promise<TestDatabase> {
  const database = await createDatabase();
  await registerLiveWorker(database, ['note']);
  return database;
}

function openPool(databaseUrl: string) {
  const pool = createPool(databaseUrl, { max: 6, applicationName: 'tem test' });
  onTestFinished(() => pool.end());
  return pool;
}

describe('readyz', () => {
  it('has nothing to say about a good system', async () => {
    const { pool } = await withWorker();
    const { read } = createReadiness({ pool, checkTemporal: temporalIsThere, foundDiskFull: hasRoom });
    expect(await read()).toEqual({ missing: [], details: {}, warnings: [] });
  });

  it('warns of a Postgres that is not durable, and misses the database when it is a standby', async () => {
    const home = await makeHome();
    const { signal } = new AbortController();
    const options = { home, binFolder: POSTGRES_BIN, port: 0, settings: NOT_DURABLE, say: () => {}, signal };
    let postgres = await startPostgres(options);
    onTestFinished(() => postgres.stop());
    const { databaseUrl } = postgres;
    await migrate(databaseUrl, () => {});
    const pool = openPool(databaseUrl);
    await registerLiveWorker({ databaseUrl, pool }, ['note']);
    const { call } = await setup({ databaseUrl });
    const answer = await waitFor(async () => {
      const { status, body } = await call('GET', '/readyz', undefined, { authorization: '' });
      return status === 200 && body.warnings.length === 2 ? body : undefined;
    });
    expect(answer).toMatchObject({
      missing: [],
      warnings: [
        expect.stringMatching(/fsync is off.*full_page_writes is off/),
        expect.stringContaining("synchronous_commit is off for sessions other than TEM's own"),
      ],
    });

    const { rows } = await pool.query<{ data: string }>(`select current_setting('data_directory') as data`);
    await postgres.stop();
    writeFileSync(join(rows[0]?.data ?? '', 'standby.signal'), '');
    postgres = await startPostgres(options);
    const { read } = createReadiness({
      pool: openPool(postgres.databaseUrl),
      checkTemporal: temporalIsThere,
      foundDiskFull: hasRoom,
    });
    expect(await read()).toMatchObject({
      missing: ['database'],
      details: { database: expect.stringContaining('read-only standby') },
    });
  });

  it('warns of a clock that is away, and not of one that agrees', async () => {
    const { pool } = await withWorker();
    const { read } = createReadiness({
      pool,
      checkTemporal: temporalIsThere,
      foundDiskFull: hasRoom,
      now: () => Date.now() + CLOCK_WRONG_BY_MS,
    });
    const { missing, warnings } = await read();
    expect(missing).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/clock is (60|59)\.\d s behind this machine's/)]);
  });

  it('warns of a transaction pooler, and is quick all the while', async () => {
    const { databaseUrl } = await withWorker();
    const url = new URL(databaseUrl);
    const { port } = await startProxy(url.host, { fromServer: withoutNotifications });
    url.port = String(port);
    const { read } = createReadiness({
      pool: openPool(url.href),
      checkTemporal: temporalIsThere,
      foundDiskFull: hasRoom,
    });
    const took: number[] = [];
    const { missing, warnings } = await untilReady(
      async () => {
        const startedAt = performance.now();
        const readiness = await read();
        took.push(performance.now() - startedAt);
        return readiness;
      },
      (readiness) => readiness.warnings.length > 0,
    );
    expect(missing).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('transaction pooler')]);
    expect(Math.max(...took)).toBeLessThan(ANSWER_WITHIN_MS);
  });

  it('warns of migrations of a newer release, which run beside this one', async () => {
    const { pool } = await withWorker();
    await pool.query(`insert into tem.migration (name, run_on) values ('9999_future', now())`);
    const { read } = createReadiness({ pool, checkTemporal: temporalIsThere, foundDiskFull: hasRoom });
    expect(await read()).toMatchObject({ missing: [], warnings: [expect.stringContaining('9999_future')] });
  });

  it('tells those who ask no host and no database', async () => {
    const { call, database } = await setup({ databaseUrl: 'postgres://owner:secret@127.0.0.1:1/ledger_of_ours' });
    const { body } = await call('GET', '/readyz', undefined, { authorization: '' });
    expect(body.missing).toEqual(['database']);
    expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ledger_of_ours|secret/);
    const other = createReadiness({ pool: database.pool, checkTemporal: temporalIsThere, foundDiskFull: hasRoom });
    const { rows } = await database.pool.query<{ id: string }>('select id from tem.ledger');
    expect(JSON.stringify(await other.read())).not.toContain(rows[0]?.id);
  });
});
