// What TEM's sessions say of themselves, behind a pooler that forgets what they asked for and on a database whose defaults
// are the opposite of what TEM relies on.

import pg from 'pg';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { ledgerFindings } from '../../../src/core/health/ledger.ts';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { migrate } from '../../../src/core/ledger/migrate.ts';
import { createPool, isUnavailable } from '../../../src/core/ledger/pool.ts';
import { createDatabase } from '../../support/database.ts';
import { limitedRole } from '../../support/limited-role.ts';
import { oddlySet } from '../../support/odd-settings.ts';
import { poolerWithoutOptions } from '../../support/options-dropped.ts';
import { waitFor } from '../../support/wait.ts';

const READ = `
  select current_setting('synchronous_commit') as commit, current_setting('default_transaction_isolation') as isolation,
    current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle,
    current_setting('lock_timeout') as lock, current_setting('array_nulls') as nulls, current_setting('jit') as jit,
    current_setting('session_replication_role') as role, current_setting('search_path') as path,
    current_setting('DateStyle') as style, now() as now`;

test.each([false, true])('every session has its settings behind a pooler; for handlers: %s', async (forHandlers) => {
  const { databaseUrl, pool: plain } = await createDatabase();
  await oddlySet(plain, databaseUrl);
  const pool = createPool(await poolerWithoutOptions(databaseUrl), {
    max: 2,
    applicationName: 'tem test',
    forHandlers,
  });
  onTestFinished(() => pool.end());
  const { rows } = await pool.query(READ);
  expect(rows).toMatchObject([{ commit: 'on', isolation: 'read committed', statement: '30s', idle: '20s' }]);
  // A handler may wait for as long as its statement may take.
  expect(rows).toMatchObject([{ lock: forHandlers ? '0' : '1s' }]);
  expect(rows).toMatchObject([{ nulls: 'on', jit: 'off', role: 'origin' }]);
  // A handler's own tables and days are the role's; the driver gives times.
  expect(rows).toMatchObject([
    forHandlers
      ? { path: 'odd, public', style: 'ISO, DMY', now: expect.any(Date) }
      : { path: 'pg_catalog,pg_temp', style: 'ISO, MDY', now: expect.any(Date) },
  ]);
});

test('what TEM commits behind a pooler is durable, as a trigger sees it', async () => {
  const { databaseUrl, pool: plain } = await createDatabase();
  await oddlySet(plain, databaseUrl);
  await plain.query(`
    create table public.seen (commit text);
    create function public.see() returns trigger language plpgsql as
      $$ begin insert into public.seen values (current_setting('synchronous_commit')); return null; end $$;
    create trigger see after insert on tem.event for each row execute function public.see()`);
  const pool = createPool(await poolerWithoutOptions(databaseUrl), { max: 3, applicationName: 'tem test' });
  onTestFinished(() => pool.end());
  await acceptEvents(pool, [{ type: 'note', payload: {}, source: 'test' }]);
  expect((await plain.query('select commit from public.seen')).rows).toEqual([{ commit: 'on' }]);
  const durable = (await ledgerFindings(pool, Date.now)).find(({ name }) => name === 'durable');
  expect(durable?.detail).toMatch(/^synchronous_commit is off for sessions other than TEM's own/);
});

test('a LISTEN session outlives a default that ends idle ones', async () => {
  const { databaseUrl, pool: plain } = await createDatabase();
  await oddlySet(plain, databaseUrl);
  const listener = createListener(await poolerWithoutOptions(databaseUrl), pino({ level: 'silent' }));
  onTestFinished(() => listener.stop());
  const heard: string[] = [];
  const lost: string[] = [];
  listener.listen(
    'test_channel',
    (payload) => heard.push(payload),
    () => lost.push('reconnected'),
  );
  await listener.ready();
  const idle = new pg.Client({ connectionString: databaseUrl });
  const ended = new Promise<unknown>((resolve) => idle.on('error', resolve));
  await idle.connect();
  expect(await ended, 'the default ends a session that states nothing').toMatchObject({ code: '57P05' });
  await plain.query(`notify test_channel, 'here'`);
  await waitFor(() => heard.length > 0);
  expect([heard, lost]).toEqual([['here'], []]);
});

test('an oddly set database is migrated to the same ledger', async () => {
  const [odd, usual] = [await createDatabase({ migrated: false }), await createDatabase()];
  await oddlySet(odd.pool, odd.databaseUrl);
  await migrate(await poolerWithoutOptions(odd.databaseUrl), () => {});
  const bodies = `select p.proname, p.prosrc, pg_get_function_sqlbody(p.oid) as body from pg_proc p
    where p.pronamespace = 'tem'::regnamespace order by p.proname`;
  const read = async (databaseUrl: string) => {
    const pool = createPool(databaseUrl, { max: 1, applicationName: 'tem test' });
    onTestFinished(() => pool.end());
    return (await pool.query(bodies)).rows;
  };
  expect(await read(odd.databaseUrl)).toEqual(await read(usual.databaseUrl));
});

test('a setting that only a superuser could put right is told in words', async () => {
  const database = await createDatabase();
  const { databaseUrl, pool: plain } = database;
  const url = await limitedRole(database, 5);
  const name = new URL(databaseUrl).pathname.slice(1);
  await plain.query(`alter database ${name} set session_replication_role = replica`);
  const pool = createPool(url, { max: 1, applicationName: 'tem test' });
  onTestFinished(() => pool.end());
  const error = await pool.query('select 1').catch((failure: unknown) => failure);
  expect(isUnavailable(error)).toBe(true);
  expect(await ledgerFindings(pool, Date.now)).toMatchObject([
    { name: 'database', ok: false, detail: expect.stringMatching(/permission denied.*session_replication_role/) },
  ]);
});

test('variables of libpq change no session', async () => {
  const { databaseUrl } = await createDatabase();
  const before = { ...process.env };
  onTestFinished(() => {
    process.env = before;
  });
  process.env.PGOPTIONS = '-c no_such_setting=1';
  process.env.PGREPLICATION = 'database';
  process.env.PGCLIENT_ENCODING = 'latin1';
  const pool = createPool(databaseUrl, { max: 1, applicationName: 'tem test' });
  onTestFinished(() => pool.end());
  expect((await pool.query(`select 'ş' as letter`)).rows).toEqual([{ letter: 'ş' }]);
});
