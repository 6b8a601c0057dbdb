// Erasing a person on real parts: events in every state, inbox, history and errors are gone, and what is left names nobody.

import { afterAll, expect, test } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../support/environment.ts';
import { builtModule, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const TYPES = builtModule(new URL('../workflows/scripted-types.ts', import.meta.url));
const PATIENCE_MS = 60_000;

test('everything that names a person is erased, and what belongs to others stays', async () => {
  const database = await createDatabase();
  const { pool } = database;
  const temporal = await createNamespace();
  await pool.query(`
    create table done (n serial, event uuid, attempt int, what text, at timestamptz default clock_timestamp());
    create table effect (n serial, event uuid, what text, uniquely text, unique (uniquely) deferrable initially deferred);
    create table gate (key text primary key)`);
  const environment = testEnvironment(database, temporal, { TEM_EVENT_TYPES: TYPES });
  const [worker, api] = [startTem(['worker'], environment), startTem(['api'], environment)];
  afterAll(() => Promise.all([worker.stop(), api.stop()]));
  await worker.ready();
  const { url } = await api.ready();
  const call = async (method: string, path: string) => {
    const answer = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    // biome-ignore lint/suspicious/noExplicitAny: answers of several shapes
    return { status: answer.status, body: (await answer.json()) as any };
  };
  const later = new Date(Date.now() + 3_600_000);
  const of = (user: string) => [
    { type: 'notification', payload: { user, title: `Hello ${user}`, body: '' }, key: `hello/${user}`, source: 'test' },
    { type: 'about-person', payload: { person: user, plan: ['neverAndSayWho'] }, group: user, source: 'test' },
    { type: 'about-person', payload: { person: user, plan: ['hold'] }, source: 'test' },
    { type: 'about-person', payload: { person: user }, runAt: later, source: 'test' },
  ];
  await acceptEvents(pool, [...of('ada-lovelace'), ...of('bob')]);
  const states = async (): Promise<string[]> =>
    (await pool.query('select state from tem.event order by state')).rows.map(({ state }) => state);
  await waitFor(async () => {
    const now = await states();
    const count = (state: string): number => now.filter((each) => each === state).length;
    return count('PROCESSED') === 2 && count('EXTINCT') === 2 && count('PROCESSING') === 2 && count('QUEUED') === 2;
  }, PATIENCE_MS);

  const { status, body } = await call('DELETE', '/v1/subjects/ada-lovelace');
  expect([200, 202]).toContain(status);
  const done = await waitFor(async () => {
    const { body: now } = await call('GET', `/v1/erasures/${body.id}`);
    if (now.state !== 'done') throw new Error(JSON.stringify(now));
    return now;
  }, PATIENCE_MS);
  expect(done).toMatchObject({ events: 4, cancelled: 2, features: { notifications: 2 } });

  // Nothing in the whole schema has the name any more.
  const { rows: tables } = await pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'tem'`,
  );
  for (const { name } of tables) {
    const { rowCount } = await pool.query(`select from ${name} t where t::text ilike '%lovelace%'`);
    expect(rowCount, name).toBe(0);
  }
  const { rows: left } = await pool.query(
    `select type, state, pruned, erased_at is not null as erased, created_at is not null as dated from tem.event
     where erased_at is not null order by type, state`,
  );
  const tombstone = { pruned: true, erased: true, dated: true };
  expect(left).toEqual([
    { type: 'about-person', state: 'CANCELLED', ...tombstone },
    { type: 'about-person', state: 'CANCELLED', ...tombstone },
    { type: 'about-person', state: 'EXTINCT', ...tombstone },
    { type: 'notification', state: 'PROCESSED', ...tombstone },
  ]);
  expect((await pool.query(`select from tem.event where payload::text like '%bob%'`)).rowCount).toBe(4);
  expect((await pool.query(`select from tem.notification where "user" = 'bob'`)).rowCount).toBe(1);
  const { rows: audit } = await pool.query(
    `select action, target, after from tem.audit where action = 'subject.erase'`,
  );
  expect(audit).toMatchObject([{ target: body.id, after: { subject: expect.stringMatching(/^sha256 /) } }]);

  // A worker has made the index of the type.
  const index = `select from pg_indexes where schemaname = 'tem' and indexdef like '%{person}%'`;
  await waitFor(async () => (await pool.query(index)).rowCount === 1, PATIENCE_MS * 2);
});
