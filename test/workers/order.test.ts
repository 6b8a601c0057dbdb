// Events of one value on real workers: in order and one at a time, alone and in batches, also when the worker that runs one of
// them is killed.

import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const TYPES = fileURLToPath(new URL('./order-types.ts', import.meta.url));
const ACCOUNTS = 12;
const EACH = 8;
const PATIENCE_MS = 90_000;

async function setup() {
  const database = await createDatabase();
  const temporal = await createNamespace();
  const { pool } = database;
  await pool.query(`
    create table done (at bigserial, account text not null, n int not null);
    create table held (id text primary key)`);
  const start = async () => {
    const worker = startTem(['worker'], testEnvironment(database, temporal, { TEM_EVENT_TYPES: TYPES }));
    onTestFinished(() => void worker.stop());
    return { ...worker, id: (await worker.ready()).id as string };
  };
  return { pool, start };
}

test('events of each account run in the order of their commits, while one fails and the worker of another is killed', async () => {
  const { pool, start } = await setup();
  const workers = await Promise.all([start(), start()]);
  const ids: string[] = [];
  for (let n = 0; n < EACH; n += 1) {
    const { rows } = await pool.query<{ id: string }>(
      `select tem.enqueue('entry', jsonb_build_object('account', 'a' || account, 'n', $1::int,
         'fails', account % 4 = 1 and $1 = 2, 'hangs', account = 3 and $1 = 4)) as id
       from generate_series(1, ${ACCOUNTS}) as account`,
      [n],
    );
    ids.push(...rows.map(({ id }) => id));
  }
  // The one that hangs, and those behind it.
  const hanging = await waitFor(async () => {
    const { rows } = await pool.query<{ id: string; worker: string }>(
      `select id, worker_id as worker from tem.event
       where state = 'PROCESSING' and payload ->> 'hangs' = 'true' and locked_at < now() - interval '1 s'`,
    );
    return rows[0];
  }, PATIENCE_MS);
  await waitFor(async () => {
    const { rows } = await pool.query(`select from tem.event where state not in ('PROCESSED')`);
    return rows.length === EACH - 4;
  }, PATIENCE_MS);
  await pool.query('insert into held values ($1)', [hanging.id]);
  workers.find(({ id }) => id === hanging.worker)?.kill('SIGKILL');
  await waitFor(async () => {
    const { rows } = await pool.query(`select from tem.event where state not in ('PROCESSED', 'EXTINCT')`);
    return rows.length === 0;
  }, PATIENCE_MS);

  const { rows: states } = await pool.query('select distinct state, last_error from tem.event order by 1, 2');
  expect(states).toEqual([
    { state: 'PROCESSED', last_error: 'fails once' },
    { state: 'PROCESSED', last_error: null },
  ]);
  const { rows: done } = await pool.query(
    'select account, array_agg(n order by at) as order from done group by account order by account',
  );
  expect(done).toHaveLength(ACCOUNTS);
  for (const { order } of done) expect(order).toEqual(Array.from({ length: EACH }, (_, n) => n));
  expect((await pool.query('select from tem.line')).rowCount).toBe(0);
});
