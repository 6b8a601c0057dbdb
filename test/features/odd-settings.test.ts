// The whole of TEM on a database whose defaults somebody has set for another program: nothing is refused, nothing is
// tried twice, and every answer says the same as anywhere else.

import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startApi } from '../../src/api/server.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testConfig, testEnvironment } from '../support/environment.ts';
import { oddlySet } from '../support/odd-settings.ts';
import { poolerWithoutOptions } from '../support/options-dropped.ts';
import { startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const CALLERS = 20;
const EVENTS_EACH = 5;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function setup() {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  await oddlySet(database.pool, database.databaseUrl);
  const pooled = { databaseUrl: await poolerWithoutOptions(database.databaseUrl) };
  const worker = startTem(['worker'], testEnvironment(pooled, temporal));
  onTestFinished(async () => void (await worker.stop()));
  const api = await startApi(testConfig(pooled, temporal), pino({ level: 'silent' }));
  onTestFinished(() => api.stop());
  await worker.ready();
  const call = async (path: string, body?: unknown) => {
    const response = await fetch(`${api.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
    return { status: response.status, body: (await response.json()) as any };
  };
  return { database, call };
}

test('a pipeline behind a pooler and on odd defaults accepts, runs and tells everything as it is', async () => {
  const { database, call } = await setup();
  const statuses: number[] = [];
  const caller = async (user: number): Promise<void> => {
    for (let n = 0; n < EVENTS_EACH; n += 1) {
      const payload = { user: `user-${user % 3}`, title: `${n}`, body: 'şüöİ' };
      statuses.push((await call('/v1/events', { type: 'notification', payload, group: `g${n}` })).status);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, user) => caller(user)));
  expect(new Set(statuses)).toEqual(new Set([202]));
  const batch = Array.from({ length: 20 }, (_, n) => ({
    type: 'notification',
    key: `key ${n}`,
    payload: { user: 'batch', title: `${n}`, body: '' },
  }));
  expect((await call('/v1/events/batch', { events: batch })).body).toMatchObject({ accepted: 20, rejected: [] });
  expect((await call('/v1/events/batch', { events: batch })).body).toMatchObject({ accepted: 0, duplicates: 20 });
  const refused = await call('/v1/events', { type: 'webhook', payload: { url: 'http://127.0.0.1:1/', body: {} } });
  expect(refused.status).toBe(400);
  await database.pool.query(
    `select tem.enqueue('notification', '{"user": "sql", "title": "x", "body": "", "data": 0.1}', run_at => now())`,
  );

  const total = CALLERS * EVENTS_EACH + batch.length + 1;
  await waitFor(async () => (await call('/v1/stats')).body.states.PROCESSED === total);
  const { rows } = await database.pool.query('select count(*)::int as n from tem.transition');
  expect(rows, 'each went to PROCESSING and PROCESSED, and never back').toEqual([{ n: 2 * total }]);
  const page = (await call(`/v1/events?limit=1000&from=${new Date(Date.now() - 3_600_000).toISOString()}`)).body;
  expect(page.events).toHaveLength(total);
  for (const event of page.events) {
    expect([event.createdAt, event.runAt, event.updatedAt, event.processedAt]).toEqual(
      Array(4).fill(expect.stringMatching(TIME)),
    );
    expect(event.retryCount).toBe(0);
  }
  const history = (await call(`/v1/events/${page.events[0].id}/history`)).body.transitions;
  for (const { at } of history) expect(at).toMatch(TIME);
  const inbox = (await call('/v1/users/batch/notifications')).body.notifications;
  expect(inbox[0]).toMatchObject({ createdAt: expect.stringMatching(TIME) });
  const { status, body } = await call('/readyz');
  expect([status, body.missing]).toEqual([200, []]);
  const warnings = body.warnings.filter((words: string) => !/for sessions other than TEM's own/.test(words));
  expect(warnings).toEqual([]);
});
