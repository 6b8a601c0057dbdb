// Two APIs and an SQL session change one schedule a hundred times within a second or so: Temporal ends with what the last row says.

import { execFileSync } from 'node:child_process';
import pg from 'pg';
import pino from 'pino';
import { beforeAll, expect, inject, test } from 'vitest';
import { startApi } from '../../../src/api/server.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { createSyncer } from '../../../src/workers/schedules/syncer.ts';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { ADMIN_KEY, testConfig } from '../../support/environment.ts';
import { createNamespace, type TestTemporal } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

const log = pino({ level: 'silent' });
const CHANGES_EACH = 34;

let database: TestDatabase;
let temporal: TestTemporal;
let urls: string[] = [];

beforeAll(async () => {
  [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const { pool, databaseUrl } = database;
  const apis = await Promise.all([1, 2].map(() => startApi(testConfig(database, temporal), log)));
  urls = apis.map(({ url }) => url);
  const { rows } = await pool.query<{ id: string }>('select id from tem.ledger');
  const listener = createListener(databaseUrl, log);
  const ledgerId = rows[0]?.id ?? '';
  const syncer = createSyncer({ pool, client: temporal.client, ledgerId, taskQueue: 'schedules', listener, log });
  await syncer.part.start();
  atEnd(async () => {
    await syncer.part.stop();
    await listener.stop();
    await Promise.all(apis.map((api) => api.stop()));
  });
});

const definition = (minute: number, note: string) => ({
  cron: `${minute} 9 * * *`,
  timeZone: 'Europe/Istanbul',
  type: 'notification',
  payload: { user: 'ada', title: 'tick', body: '' },
  note,
});

async function put(url: string, body: object, method = 'PUT'): Promise<void> {
  const path = method === 'PUT' ? '/v1/schedules/shared' : '/v1/schedules';
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  expect(response.status).toBe(method === 'PUT' ? 200 : 201);
  await response.arrayBuffer();
}

/** As psql does: a session of its own that knows nothing of TEM. */
async function bySql(): Promise<void> {
  const session = new pg.Client({ connectionString: database.databaseUrl });
  await session.connect();
  for (let n = 0; n < CHANGES_EACH; n += 1) {
    await session.query(`update tem.schedule set cron = '${n} 10 * * *', note = 'sql ${n}' where id = 'shared'`);
  }
  await session.end();
}

test('whoever changes a schedule how often, Temporal ends equal to the last row', async () => {
  await put(urls[0] as string, { id: 'shared', ...definition(0, 'first') }, 'POST');
  const byApi = async (url: string, who: string): Promise<void> => {
    for (let n = 0; n < CHANGES_EACH; n += 1) await put(url, definition(n, `${who} ${n}`));
  };
  await Promise.all([...urls.map((url, index) => byApi(url, `api ${index}`)), bySql()]);
  const { rows } = await database.pool.query<{ cron: string; note: string; revision: string }>(
    `select cron, note, revision from tem.schedule where id = 'shared'`,
  );
  const [minute, hour] = (rows[0]?.cron ?? '').split(' ').map(Number);
  const described = () =>
    JSON.parse(
      execFileSync(
        inject('temporalCli'),
        [
          'schedule',
          'describe',
          '-s',
          'shared',
          '-o',
          'json',
          '--address',
          temporal.address,
          '--namespace',
          temporal.namespace,
        ],
        { encoding: 'utf8' },
      ),
    ).schedule;
  const held = await waitFor(() => {
    const { spec, state } = described();
    return state.notes === rows[0]?.note && spec;
  });
  expect(held.structuredCalendar).toHaveLength(1);
  const [calendar] = held.structuredCalendar;
  expect([calendar.minute?.[0]?.start ?? 0, calendar.hour[0].start]).toEqual([minute, hour]);
  // Nobody's change was taken for one that was made in Temporal, and every one is in the history.
  const { rows: history } = await database.pool.query<{ actor: string; count: number }>(
    `select actor, count(*)::int as count from tem.schedule_change where schedule_id = 'shared' and action = 'changed' group by actor`,
  );
  expect(history.reduce((sum, { count }) => sum + count, 0)).toBe(3 * CHANGES_EACH);
  expect(history.filter(({ actor }) => actor.startsWith('temporal'))).toEqual([]);
});
