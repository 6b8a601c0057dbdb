// A schedule through the whole of TEM: a row, a Temporal Schedule, a firing, an event; and what a person does to it with the
// CLI of Temporal.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { beforeAll, expect, inject, test } from 'vitest';
import { startApi } from '../../../src/api/server.ts';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { ADMIN_KEY, testConfig, testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace, type TestTemporal } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

const SETTINGS = { TEM_EVENT_TYPES: fileURLToPath(new URL('../../features/failing-type.ts', import.meta.url)) };
const SECOND = '2s';

let url = '';
let database: TestDatabase;
let temporal: TestTemporal;

beforeAll(async () => {
  [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const worker = startTem(['worker'], testEnvironment(database, temporal, SETTINGS));
  atEnd(async () => void (await worker.stop()));
  const api = await startApi(testConfig(database, temporal, SETTINGS), pino({ level: 'silent' }));
  atEnd(() => api.stop());
  url = api.url;
  await worker.ready();
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: any }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

function cli(...args: string[]): string {
  const where = ['--address', temporal.address, '--namespace', temporal.namespace];
  return execFileSync(inject('temporalCli'), ['schedule', ...args, ...where], { encoding: 'utf8' });
}

// biome-ignore lint/suspicious/noExplicitAny: the CLI's own shape
function described(id: string): any {
  return JSON.parse(cli('describe', '-s', id, '-o', 'json')).schedule;
}

const payload = { user: 'ada', title: 'tick', body: '{{nominalTime}}' };

test('a row fires through Temporal: each nominal time is one event, by its key, and a run', async () => {
  const created = await call('POST', '/v1/schedules', {
    id: 'tick',
    every: SECOND,
    timeZone: 'UTC',
    type: 'notification',
    payload,
  });
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({
    overlap: 'skip',
    catchupWindow: '10m',
    jitter: '0s',
    origin: 'data',
    missed: 0,
  });
  expect(created.body.nextRuns).toHaveLength(10);
  const runs = await waitFor(async () => {
    const { body } = await call('GET', '/v1/schedules/tick/runs');
    const fired = body.runs.filter(
      (run: { firedBy: string; state: string }) => run.firedBy === 'temporal' && run.state === 'PROCESSED',
    );
    return fired.length >= 2 ? fired : undefined;
  });
  const { body: event } = await call('GET', `/v1/events/${runs[0].event}`);
  expect(event.key).toBe(`schedule/tick/${runs[0].at.replace('.000', '')}`);
  expect(event.payload.body).toBe(runs[0].at);
  const { body: now } = await call('GET', '/v1/schedules/tick');
  expect(now.drift).toBeUndefined();
  expect(now.counts.nominal).toBe(now.counts.fired + now.counts.skipped + now.counts.missed + now.counts.paused);
  expect((await call('DELETE', '/v1/schedules/tick')).status).toBe(204);
  await waitFor(() => !cli('list').includes('tick'));
});

test('a pause by the CLI shows at once, is taken over with its note, and nothing fires in it', async () => {
  await call('POST', '/v1/schedules', { id: 'paused', every: SECOND, timeZone: 'UTC', type: 'notification', payload });
  await waitFor(async () => (await call('GET', '/v1/schedules/paused')).body.lastRun);
  cli('toggle', '--pause', '--reason', 'ada is away', '-s', 'paused');
  const pausedAt = Date.now();
  expect((await call('GET', '/v1/schedules/paused')).body).toMatchObject({ paused: true, note: 'ada is away' });
  const { body } = await waitFor(async () => {
    const { body } = await call('GET', '/v1/schedules/paused/runs');
    return body.runs.some((run: { skipped?: string }) => run.skipped === 'paused') && { body };
  });
  const late = body.runs.filter(
    (run: { at: string; event: unknown }) => Date.parse(run.at) > pausedAt + 1_000 && run.event,
  );
  expect(late).toEqual([]);
  const { body: history } = await call('GET', '/v1/schedules/paused/history');
  expect(history.changes[0]).toMatchObject({ action: 'paused', after: { paused: true, note: 'ada is away' } });
  expect(history.changes[0].actor).toMatch(/^temporal: /);
  await call('POST', '/v1/schedules/paused/resume', {});
  await waitFor(() => described('paused').state.paused !== true);
  await call('DELETE', '/v1/schedules/paused');
});

test('a trigger by the CLI makes an event of its own, also of a paused schedule', async () => {
  const yearly = {
    id: 'yearly',
    cron: '0 0 1 1 *',
    timeZone: 'Europe/Berlin',
    type: 'notification',
    payload,
    paused: true,
  };
  await call('POST', '/v1/schedules', yearly);
  await waitFor(() => cli('list').includes('yearly'));
  cli('trigger', '-s', 'yearly');
  const run = await waitFor(async () => (await call('GET', '/v1/schedules/yearly/runs')).body.runs[0]);
  expect(run).toMatchObject({ firedBy: 'person' });
  const { body: event } = await call('GET', `/v1/events/${run.event}`);
  expect(event.key).toMatch(/^schedule\/yearly\/t\//);
  const byHttp = await call('POST', '/v1/schedules/yearly/trigger');
  expect(byHttp.status).toBe(202);
  expect(byHttp.body.event).not.toBe(run.event);
});

// Within 5 s on a quiet machine: npm run bench -- schedules measures it.
test('50 rows changed by one SQL statement reach Temporal without anybody telling it', async () => {
  const client = database.pool;
  await client.query(
    `insert into tem.schedule (id, cron, time_zone, type, payload, paused)
     select 'bulk-' || n, '0 10 * * 6', 'Europe/Berlin', 'notification', $1, true from generate_series(1, 50) n`,
    [payload],
  );
  const states = (): unknown[] =>
    JSON.parse(cli('list', '-o', 'json')).filter((each: { scheduleId: string }) => each.scheduleId.startsWith('bulk-'));
  await waitFor(() => states().length === 50);
  await client.query(`update tem.schedule set paused = false where id like 'bulk-%'`);
  await waitFor(async () => {
    const { rows } = await client.query(
      `select from tem.schedule_state where schedule_id like 'bulk-%' and synced_revision is distinct from revision`,
    );
    return rows.length === 0;
  });
  expect(described('bulk-7').state.paused ?? false).toBe(false);
});

test('a cron set back and forth a hundred times is one calendar in Temporal, always that of the last row', async () => {
  await call('POST', '/v1/schedules', {
    id: 'turns',
    cron: '0 9 * * *',
    timeZone: 'Europe/Istanbul',
    type: 'notification',
    payload,
  });
  for (let turn = 0; turn < 100; turn += 1) {
    await database.pool.query('update tem.schedule set cron = $1 where id = $2', [
      turn % 2 === 0 ? '15 9 * * *' : '0 9 * * *',
      'turns',
    ]);
  }
  await database.pool.query(`update tem.schedule set cron = '15 9 * * *', note = 'only once' where id = 'turns'`);
  const held = await waitFor(() => {
    const { spec, state } = described('turns');
    return (
      state.notes === 'only once' &&
      spec.structuredCalendar.length === 1 &&
      spec.structuredCalendar[0].minute[0].start === 15 &&
      spec
    );
  });
  expect(held.structuredCalendar).toHaveLength(1);
  expect(held.cronString ?? []).toEqual([]);
});
