// The embedded Postgres is reached as it is, whatever the environment says of other databases; what waiting can't mend is told
// at once. Beside others that want its port each start has its own.

import pg from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { addExampleSchedule } from '../../src/cli/example-schedule.ts';
import { migrate } from '../../src/core/ledger/migrate.ts';
import { createPool } from '../../src/core/ledger/pool.ts';
import { freePort } from '../../src/services/ports.ts';
import { startPostgres } from '../../src/services/postgres.ts';
import { makeHome } from '../support/home.ts';
import { POSTGRES_BIN } from '../support/servers.ts';

/** Far below the time that a start is given. */
const AT_ONCE_MS = 30_000;
const ELSEWHERE = {
  PGSSLMODE: 'prefer',
  PGSSLNEGOTIATION: 'direct',
  PGSSLROOTCERT: '/nowhere',
  PGOPTIONS: '-c no_such_setting=1',
  PGREPLICATION: 'database',
  PGHOST: 'nowhere.invalid',
  PGPORT: '1',
  PGUSER: 'nobody',
  PGDATABASE: 'nothing',
  PGPASSWORD: 'wrong',
  PGCONNECT_TIMEOUT: '1',
};

test("variables of libpq don't touch it, and an error that stays ends the start", async () => {
  const before = { ...process.env };
  onTestFinished(() => {
    process.env = before;
  });
  Object.assign(process.env, ELSEWHERE);
  const home = await makeHome();
  const options = { home, binFolder: POSTGRES_BIN, port: 0, say: () => {}, signal: new AbortController().signal };
  const first = await startPostgres(options);
  onTestFinished(() => first.stop());
  await migrate(first.databaseUrl, () => {});
  const pool = createPool(first.databaseUrl, { max: 1, applicationName: 'tem test' });
  expect((await pool.query('select count(*)::int as n from tem.ledger')).rows).toEqual([{ n: 1 }]);
  await addExampleSchedule(first.databaseUrl);
  expect((await pool.query('select id from tem.schedule')).rows).toEqual([{ id: 'hello' }]);
  await pool.query('alter role owner nologin');
  await pool.end();
  await first.stop();

  const startedAt = performance.now();
  await expect(startPostgres(options)).rejects.toThrow(/did not start: .*owner.* is not permitted to log in/);
  expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
});

async function startOn(port: number, portIsFixed = false) {
  const { signal } = new AbortController();
  return startPostgres({ home: await makeHome(), binFolder: POSTGRES_BIN, port, portIsFixed, say: () => {}, signal });
}

test('the Postgres of somebody else that has the port is not taken for the own one', async () => {
  const port = Number(new URL(inject('templateUrl')).port);
  await expect(startOn(port, true)).rejects.toThrow('its port is taken by another program');
});

test('two that want the same port at the same moment both start, each with its own', async () => {
  const port = await freePort(0);
  const both = await Promise.allSettled([startOn(port), startOn(port)]);
  const started = both.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  onTestFinished(async () => void (await Promise.all(started.map((each) => each.stop()))));
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(new Set(started.map((each) => each.port)).size).toBe(2);
  for (const { databaseUrl } of started) {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.end();
  }
});
