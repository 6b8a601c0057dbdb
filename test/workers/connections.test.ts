// What the sessions of a worker on its Postgres promise, and that its marks have connections of their own (rule 13).

import pg from 'pg';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { features } from '../../src/features.ts';
import { connectWorker } from '../../src/workers/connections.ts';
import { setup as crashSetup } from '../crash/setup.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testConfig } from '../support/environment.ts';
import { limitedRole } from '../support/limited-role.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const HANDLER_CONNECTIONS = 2;
/** Enough for a worker and an API to start. */
const ROLE_CONNECTIONS = 25;

test('no session of a worker can hang for ever, lose a commit that was answered, or keep its locks when it freezes', async () => {
  const database = await createDatabase();
  // What an administrator may have set for the database counts less than what TEM relies on.
  const { pathname } = new URL(database.databaseUrl);
  for (const setting of [
    'synchronous_commit = off',
    'statement_timeout = 0',
    'idle_in_transaction_session_timeout = 0',
  ])
    await database.pool.query(`alter database ${pg.escapeIdentifier(pathname.slice(1))} set ${setting}`);
  const config = testConfig(database, await createNamespace());
  const connections = await connectWorker(config, 'tem test', features, pino({ level: 'silent' }));
  onTestFinished(() => connections.close());
  for (const pool of [connections.corePool, connections.handlersPool]) {
    const { rows } = await pool.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings where name in ('synchronous_commit', 'statement_timeout',
         'idle_in_transaction_session_timeout', 'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count')`,
    );
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      synchronous_commit: 'on',
      statement_timeout: '30000',
      idle_in_transaction_session_timeout: '20000',
      tcp_keepalives_idle: '5',
      tcp_keepalives_interval: '2',
      tcp_keepalives_count: '3',
    });
  }
});

test('handlers that hold every connection they may have delay no begin and no mark of another event', async () => {
  const { startWorker, send, open, untilLogged, untilState, row } = await crashSetup({
    TEM_CONNECTIONS: String(HANDLER_CONNECTIONS),
    TEM_BATCH: 'off',
  });
  await startWorker();
  const holding = await send(
    Array.from({ length: HANDLER_CONNECTIONS }, () => ({ steps: [{ do: 'write' }, { do: 'hold', gate: 'end' }] })),
  );
  for (const id of holding) await untilLogged(id, 'holding');
  // One waits for a connection, the others need none.
  const [waiting] = (await send([{ type: 'compensated', steps: [{ do: 'write' }] }])) as [string];
  await untilLogged(waiting, 'began');
  const others = await send([{ steps: [] }, { type: 'solitary', steps: [] }, { type: 'hasty', steps: [] }]);
  for (const id of others) expect(await untilState(id, 'PROCESSED')).toMatchObject({ retry_count: 0 });
  for (const id of [...holding, waiting]) expect(await row(id)).toMatchObject({ state: 'PROCESSING' });
  open('end');
  for (const id of [...holding, waiting])
    expect(await untilState(id, 'PROCESSED', 'FAILED')).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
});

test('while Postgres has no connection left an attempt that runs is marked, and accepting fails before that', async () => {
  const { pool, databaseUrl, startWorker, startApi, send, open, untilLogged, untilState } = await crashSetup({
    TEM_CONNECTIONS: String(HANDLER_CONNECTIONS),
    TEM_BATCH: 'off',
  });
  const limitedUrl = await limitedRole({ databaseUrl, pool }, ROLE_CONNECTIONS);
  await startWorker({ DATABASE_URL: limitedUrl });
  const { is } = await startApi({ DATABASE_URL: limitedUrl });
  const ids = await send([{ steps: [{ do: 'hold', gate: 'end' }] }, { steps: [{ do: 'hold', gate: 'end' }] }]);
  for (const id of ids) await untilLogged(id, 'holding');

  const holders: pg.Client[] = [];
  const release = () => Promise.all(holders.splice(0).map((holder) => holder.end()));
  onTestFinished(async () => void (await release()));
  const takeAll = async (): Promise<void> => {
    for (;;) {
      const holder = new pg.Client({ connectionString: limitedUrl });
      try {
        await holder.connect();
      } catch {
        return;
      }
      holders.push(holder);
    }
  };
  await takeAll();
  // What a pool gives up as idle is taken too.
  const keepTaking = setInterval(() => void takeAll(), 100);
  onTestFinished(() => clearInterval(keepTaking));
  const post = async (): Promise<number> => {
    const answer = await fetch(`${is.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'work', payload: { steps: [] } }),
    });
    return answer.status;
  };
  expect(await post()).toBe(503);
  open('end');
  for (const id of ids) expect(await untilState(id, 'PROCESSED')).toMatchObject({ retry_count: 0 });
  expect(await post()).toBe(503);
  clearInterval(keepTaking);
  await release();
  await waitFor(async () => {
    await release();
    return (await post()) === 202;
  });
});
