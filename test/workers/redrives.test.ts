// A redrive on real workers: the one that works it off is killed in the middle, another goes on, and every event of the set
// is revived once and runs.

import { afterAll, expect, test } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { inTransaction } from '../../src/core/ledger/in-transaction.ts';
import { createJob } from '../../src/core/redrive/freeze.ts';
import { getJob } from '../../src/core/redrive/job.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { builtModule, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const TYPES = builtModule(new URL('../workflows/scripted-types.ts', import.meta.url));
const EVENTS = 60;
const PATIENCE_MS = 90_000;

test('a redrive survives kill -9 of the worker that works it off, and takes no event twice', async () => {
  const database = await createDatabase();
  const { pool } = database;
  const temporal = await createNamespace();
  await pool.query(`
    create table done (n serial, event uuid, attempt int, what text, at timestamptz default clock_timestamp());
    create table effect (n serial, event uuid, what text, uniquely text, unique (uniquely) deferrable initially deferred);
    create table gate (key text primary key)`);
  const start = async () => {
    const worker = startTem(['worker'], testEnvironment(database, temporal, { TEM_EVENT_TYPES: TYPES }));
    afterAll(() => worker.stop());
    const { id } = await worker.ready();
    return { worker, id: id as string };
  };
  const workers = await Promise.all([start(), start()]);
  const accepted = await acceptEvents(
    pool,
    Array.from({ length: EVENTS }, () => ({ type: 'many', payload: { plan: ['never', 'ok'] }, source: 'test' })),
  );
  const ids = accepted.map(({ id }) => id);
  const inState = async (state: string): Promise<number> =>
    (await pool.query(`select from tem.event where state = $1`, [state])).rowCount ?? 0;
  await waitFor(async () => (await inState('EXTINCT')) === EVENTS, PATIENCE_MS);
  const { rows: groups } = await pool.query('select distinct fingerprint from tem.event');
  expect(groups).toHaveLength(1);
  // Its handler goes by the attempt, and a revival begins with the first.
  await pool.query(`update tem.event set payload = '{"plan": ["ok"]}'`);

  const filter = { fingerprint: groups[0].fingerprint };
  const job = await inTransaction(pool, (client) =>
    createJob(client, { action: 'retry', events: filter, filter, ratePerSecond: 20, actor: 'test' }),
  );
  expect(job.matches).toBe(EVENTS);
  await waitFor(async () => ((await getJob(pool, job.id))?.done ?? 0) >= 10, PATIENCE_MS);
  const { rows: holders } = await pool.query(`select worker_id from tem.part_lease where part = 'redrives'`);
  workers.find(({ id }) => id === holders[0].worker_id)?.worker.kill('SIGKILL');

  const done = await waitFor(async () => {
    const now = await getJob(pool, job.id);
    if (now?.state !== 'done') throw new Error(JSON.stringify(now));
    return now;
  }, PATIENCE_MS);
  expect(done).toMatchObject({ matches: EVENTS, done: EVENTS, processed: EVENTS, failed: 0, skipped: 0 });
  const { rows: revivals } = await pool.query(
    `select count(*)::int as all, count(distinct event_id)::int as events from tem.transition where from_state = 'EXTINCT'`,
  );
  expect(revivals).toEqual([{ all: EVENTS, events: EVENTS }]);
  const { rows: effects } = await pool.query(
    'select count(*)::int as all, count(distinct event)::int as events from effect where event = any($1::uuid[])',
    [ids],
  );
  expect(effects).toEqual([{ all: EVENTS, events: EVENTS }]);
});
