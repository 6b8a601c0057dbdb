// Functions and operators that another role makes in a schema on the way are never called by TEM (docs/sql.md: who may
// enqueue sees nothing of the ledger). On Postgres 14 everybody may make them in `public`.

import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { registerWorker } from '../../../src/core/ledger/leases.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { migrate } from '../../../src/core/ledger/migrate.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { createBell } from '../../../src/workers/relay/bell.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

// Better matches for the arguments that TEM's statements have than what Postgres brings.
const SHADOWS = `
  create table public.trap (sprung text);
  create function public.spring(numeric, integer) returns numeric language sql as
    $$ insert into public.trap values ('numeric'); select 0::numeric $$;
  create operator public.* (leftarg = numeric, rightarg = integer, function = public.spring);
  create function public.spring(float8, integer) returns float8 language sql as
    $$ insert into public.trap values ('float8'); select 0::float8 $$;
  create operator public.* (leftarg = float8, rightarg = integer, function = public.spring);
  create function public.setval(text, bigint) returns bigint language sql as
    $$ insert into public.trap values ('setval'); select 0::bigint $$;
  create function public.pg_sequence_last_value(text) returns bigint language sql as
    $$ insert into public.trap values ('last value'); select 0::bigint $$;`;

test('neither the migrations nor any session of TEM calls what shadows a function of Postgres', async () => {
  const { databaseUrl, pool } = await createDatabase({ migrated: false });
  await pool.query(SHADOWS);
  await pool.query('select 2::numeric * 3, setval($$anything$$, 1)');
  const sprung = async () => (await pool.query<{ sprung: string }>('select sprung from trap')).rows;
  expect(await sprung(), 'they do shadow').toEqual([{ sprung: 'numeric' }, { sprung: 'setval' }]);
  await pool.query('truncate trap');

  await migrate(databaseUrl, () => {});
  for (const forHandlers of [false, true]) {
    const sessions = createPool(databaseUrl, { max: 2, applicationName: 'tem test', forHandlers });
    onTestFinished(() => sessions.end());
    await acceptEvents(sessions, [{ type: 'note', payload: {}, source: 'test' }]);
    await sessions.query(`select tem.enqueue('note', '{"amount": 1234567890123456}')`);
  }
  const own = createPool(databaseUrl, { max: 2, applicationName: 'tem test' });
  onTestFinished(() => own.end());
  await createBell(own).arm(10_000, true);
  const workerId = randomUUID();
  await registerWorker(own, { id: workerId, host: 'test', pid: 1, taskQueue: 'test', types: [] });
  let rings = 0;
  const listener = createListener(databaseUrl, pino({ level: 'silent' }));
  onTestFinished(() => listener.stop());
  listener.listen('tem_due', () => {
    rings += 1;
  });
  await listener.ready();
  // While a relay sleeps, and from a session that emits.
  await acceptEvents(pool, [{ type: 'note', payload: {}, source: 'test' }]);
  const { lanes } = await discoverLanes(own, ['note'], 1);
  expect(await claim(own, { workerId, lanes, take: 10, workflowId: undefined })).toHaveLength(5);
  await waitFor(() => rings > 0);
  expect(await sprung()).toEqual([]);
});
