// What `tem doctor` finds, each on a system that really has the fault.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { expect, inject, onTestFinished, test } from 'vitest';
import { type Config, readConfig } from '../../src/config.ts';
import type { Finding } from '../../src/core/health/finding.ts';
import { ledgerFindings } from '../../src/core/health/ledger.ts';
import { createPool } from '../../src/core/ledger/pool.ts';
import { diagnose } from '../../src/services/doctor.ts';
import { freePort } from '../../src/services/ports.ts';
import { startPostgres } from '../../src/services/postgres.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { testConfig, testEnvironment } from '../support/environment.ts';
import { makeHome } from '../support/home.ts';
import { startTem } from '../support/processes.ts';
import { startProxy, withoutNotifications } from '../support/proxy.ts';
import { POSTGRES_BIN } from '../support/servers.ts';
import { createNamespace } from '../support/temporal.ts';

const NODE_VERSION = '20.19.0';
const DEFAULT = { address: inject('temporalAddress'), namespace: 'default' };
const CLOCK_WRONG_BY_MS = 60_000;

async function finding(config: Config, name: string, nodeVersion = NODE_VERSION): Promise<Finding> {
  const findings = await diagnose(config, nodeVersion);
  const found = findings.find((each) => each.name === name);
  if (!found) throw new Error(`no finding ${name} among ${JSON.stringify(findings)}`);
  return found;
}

function changed(database: TestDatabase, change: (url: URL) => URL): { databaseUrl: string } {
  const url = new URL(database.databaseUrl);
  change(url);
  return { databaseUrl: url.href };
}

test('a database that nobody serves, a wrong password and a missing database are told apart', async () => {
  const database = await createDatabase();
  const port = String(await freePort(0));
  const name = `missing_${randomBytes(4).toString('hex')}`;
  const cases: [(url: URL) => URL, string][] = [
    [(url) => Object.assign(url, { port }), `127.0.0.1:${port}: nobody listens there`],
    [(url) => Object.assign(url, { password: 'wrong' }), 'the password is wrong'],
    [(url) => Object.assign(url, { pathname: `/${name}` }), `database ${name} on`],
  ];
  for (const [change, words] of cases) {
    const { ok, detail } = await finding(testConfig(changed(database, change), DEFAULT), 'database');
    expect(ok).toBe(false);
    expect(detail).toContain(words);
    expect(detail).not.toContain(new URL(database.databaseUrl).password);
  }
});

test('a good database has nothing wrong', async () => {
  const { pool } = await createDatabase();
  expect((await ledgerFindings(pool, Date.now)).filter(({ ok }) => !ok)).toEqual([]);
});

test('missing migrations and those of a newer release are named', async () => {
  const empty = await createDatabase({ migrated: false });
  expect(await finding(testConfig(empty, DEFAULT), 'migrations')).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/migrations are missing \(0001_ledger.*run 'tem migrate'/),
  });
  const newer = await createDatabase();
  await newer.pool.query(`insert into tem.migration (name, run_on) values ('9999_future', now())`);
  expect(await finding(testConfig(newer, DEFAULT), 'migrations')).toMatchObject({
    ok: false,
    detail: expect.stringContaining('newer than this TEM (it has 9999_future)'),
  });
});

test('a read-only database and synchronous_commit off are named', async () => {
  const database = await createDatabase();
  const name = new URL(database.databaseUrl).pathname.slice(1);
  await database.pool.query(`alter database ${name} set synchronous_commit = off`);
  expect(await finding(testConfig(database, DEFAULT), 'durable')).toMatchObject({
    ok: false,
    detail: expect.stringContaining('synchronous_commit is off'),
  });
  await database.pool.query(`alter database ${name} set default_transaction_read_only = on`);
  expect(await finding(testConfig(database, DEFAULT), 'writable')).toMatchObject({ ok: false });
});

test('a Postgres without fsync and synchronous_commit is named', async () => {
  const home = await makeHome();
  const say = (): void => {};
  const { signal } = new AbortController();
  const postgres = await startPostgres({
    home,
    binFolder: POSTGRES_BIN,
    port: 0,
    settings: { fsync: 'off', synchronous_commit: 'off' },
    say,
    signal,
  });
  onTestFinished(() => postgres.stop());
  expect(await finding(testConfig(postgres, DEFAULT), 'durable')).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/fsync is off.*synchronous_commit is off for sessions other than TEM's own/),
  });
});

test('a clock that is away is named with its direction', async () => {
  const { pool } = await createDatabase();
  const [ahead, behind] = await Promise.all(
    [-CLOCK_WRONG_BY_MS, CLOCK_WRONG_BY_MS].map((ms) => ledgerFindings(pool, () => Date.now() + ms)),
  );
  const clock = (findings: Finding[] | undefined): string | undefined =>
    findings?.find(({ name, ok }) => name === 'clock' && !ok)?.detail;
  expect(clock(ahead)).toMatch(/60\.\d s ahead of this machine's/);
  expect(clock(behind)).toMatch(/(60\.0|59\.9) s behind this machine's/);
});

test('something in between that drops notifications is taken for a transaction pooler', async () => {
  const database = await createDatabase();
  const { host } = new URL(database.databaseUrl);
  const { port } = await startProxy(host, { fromServer: withoutNotifications });
  const pooled = changed(database, (url) => Object.assign(url, { port }));
  const pool = createPool(pooled.databaseUrl, { max: 3, applicationName: 'tem test' });
  onTestFinished(() => pool.end());
  const wrong = (await ledgerFindings(pool, Date.now)).filter(({ ok }) => !ok);
  expect(wrong).toMatchObject([{ name: 'listen', detail: expect.stringContaining('transaction pooler') }]);
});

test('a Temporal that nobody serves and a missing namespace are told apart', async () => {
  const database = await createDatabase();
  const address = `127.0.0.1:${await freePort(0)}`;
  expect(await finding(testConfig(database, { address, namespace: 'default' }), 'temporal')).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`Temporal at ${address} can't be reached`),
  });
  expect(await finding(testConfig(database, { ...DEFAULT, namespace: 'nowhere' }), 'temporal')).toMatchObject({
    ok: false,
    detail: expect.stringContaining('has no namespace nowhere'),
  });
  const bare = await createNamespace({ searchAttributes: false });
  expect(await finding(testConfig(database, bare), 'temporal')).toMatchObject({
    ok: true,
    detail: expect.stringContaining('without search attributes TemEventType, TemState'),
  });
});

test('no worker at all, and a worker that works on another database, are told apart', async () => {
  const [own, other] = [await createDatabase(), await createDatabase()];
  const temporal = await createNamespace();
  const config = testConfig(own, temporal);
  expect(await finding(config, 'worker')).toMatchObject({
    ok: false,
    detail: expect.stringContaining('none ever did'),
  });

  const worker = startTem(['worker'], testEnvironment(other, temporal));
  onTestFinished(async () => void (await worker.stop()));
  await worker.ready();
  const { rows } = await other.pool.query<{ id: string }>('select id from tem.ledger');
  expect(await finding(testConfig(other, temporal), 'worker')).toMatchObject({ ok: true });
  // With the worker's own environment everything is well, except that the API has been given another database.
  const api = startTem(['api'], testEnvironment(own, temporal));
  onTestFinished(async () => void (await api.stop()));
  const url = String((await api.ready()).url);
  expect(await finding(testConfig(other, temporal, { TEM_API_URL: url }), 'api')).toMatchObject({
    ok: false,
    detail: expect.stringMatching(`${url} is not ready: no live worker is registered on this database`),
  });
  expect(await finding(testConfig(other, temporal, { TEM_API_URL: url }), 'memory')).toMatchObject({
    ok: true,
    detail: expect.stringMatching(/^the API holds [1-9]\d+ MB$/),
  });
  expect(await finding(config, 'worker')).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`polls for ledger ${rows[0]?.id.slice(0, 8)}: it works on another database`),
  });
});

test('a worker that lives and polls nowhere is told from one that works', async () => {
  const database = await createDatabase();
  const [temporal, elsewhere] = [await createNamespace(), await createNamespace()];
  const worker = startTem(['worker'], testEnvironment(database, elsewhere));
  onTestFinished(async () => void (await worker.stop()));
  await worker.ready();
  await database.pool.query(`update tem.worker set started_at = started_at - interval '1 minute'`);
  expect(await finding(testConfig(database, elsewhere), 'polling')).toMatchObject({ ok: true });
  expect(await finding(testConfig(database, temporal), 'worker')).toMatchObject({ ok: true });
  expect(await finding(testConfig(database, temporal), 'polling')).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/none polls Temporal's task queue tem-[0-9a-f]{8}.* in namespace/),
  });
});

test('flows that hold events up, slow types and mail that nobody gets are named', async () => {
  const database = await createDatabase();
  const config = testConfig(database, DEFAULT);
  expect(await finding(config, 'flows')).toMatchObject({ ok: true, detail: 'no flow is paused' });
  expect(await finding(config, 'durations')).toMatchObject({ detail: 'nothing was processed in the last hour' });
  expect(await finding(config, 'mail')).toMatchObject({ ok: true, detail: 'reports of the last day: 0' });
  await database.pool.query(`
    insert into tem.flow (type, "group", paused) values ('note', '', true), ('idle', 'a', true);
    insert into tem.event (type, key, payload) values ('note', 'waits', '1');
    with event as (
      insert into tem.event (type, key, payload, state, due_at, processed_at)
        values ('slow', 'ran', '1', 'PROCESSED', null, now() + interval '15 s') returning id
    ) insert into tem.transition (event_id, version, at, from_state, to_state, actor)
      select id, 1, now() + interval '2 s', 'QUEUED', 'PROCESSING', 'test' from event;
    insert into tem.report_delivery (id, report, event_id, definition, parameters, state)
      values (gen_random_uuid(), 'daily', gen_random_uuid(), '{}', '{}', 'kept'),
        (gen_random_uuid(), 'daily', gen_random_uuid(), '{}', '{}', 'failed')`);
  expect(await finding(config, 'flows')).toMatchObject({
    ok: true,
    detail: "paused: note (1 due), idle/a (0 due); 'tem flows resume' lets them go on",
  });
  expect(await finding(config, 'durations')).toMatchObject({
    ok: true,
    detail: 'means of the last hour: slow 13 s after a wait of 2.00 s (1 events)',
  });
  expect(await finding(config, 'mail')).toMatchObject({
    ok: false,
    isWarning: true,
    detail:
      "reports of the last day: 2, of which 1 were kept and not sent: TEM_SMTP_URL is not set; 1 reached not everybody: see 'tem reports deliveries'",
  });
});

test('a port that another program has, and an old Node, are named', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((closed) => void server.close(() => closed())));
  const { port } = server.address() as { port: number };
  const config = readConfig({ TEM_HOME: await makeHome(), TEM_PORT: String(port) });
  expect(await finding(config, 'port')).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`port ${port} on 127.0.0.1 is taken`),
  });
  expect(await finding(config, 'node', '20.18.3')).toMatchObject({
    ok: false,
    detail: expect.stringContaining('TEM needs 20.19 or later'),
  });
  expect(await finding(config, 'node', '24.0.0')).toMatchObject({ ok: true });
  expect(await finding(config, 'database')).toMatchObject({
    ok: false,
    detail: expect.stringContaining('DATABASE_URL is not set'),
  });
});
