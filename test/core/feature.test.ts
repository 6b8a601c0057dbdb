// Every part that a feature can have, by a small feature that has them all, in a real API and real workers.

import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningApi, startApi } from '../../src/api/server.ts';
import { readConfig } from '../../src/config.ts';
import { deleteFlow, putFlow, whyWaiting } from '../../src/core/flows/index.ts';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { features } from '../../src/features.ts';
import { type RunningWorker, startWorker } from '../../src/workers/process.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../support/environment.ts';
import { example } from '../support/example-feature/index.ts';
import { createNamespace, type TestTemporal } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const CATALOG = {
  features: [...features, example],
  workflowsPath: new URL('../support/example-feature/catalog.ts', import.meta.url).pathname,
};
const log = pino({ level: 'silent' });
const PATIENCE_MS = 40_000;

let database: TestDatabase;
let temporal: TestTemporal;
let api: RunningApi;
const workers: RunningWorker[] = [];

function configOf(further: Record<string, string> = {}) {
  // Fewer connections for handlers than there are handlers.
  const settings = { TEM_VOLUME: '7', TEM_GREETED_ADA: 'yes', TEM_CONNECTIONS: '3', TEM_RECONCILE_EVERY: '1s' };
  return readConfig(testEnvironment(database, temporal, { ...settings, ...further }), CATALOG.features);
}

beforeAll(async () => {
  [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  await database.pool.query('create table heard (what text)');
  api = await startApi(configOf(), log, CATALOG.features);
  workers.push(await startWorker(configOf(), log, CATALOG), await startWorker(configOf(), log, CATALOG));
});
afterAll(async () => {
  await api.stop();
  await Promise.all(workers.map((worker) => worker.stop()));
});

const heard = async (like: string): Promise<string[]> => {
  const { rows } = await database.pool.query('select what from heard where what like $1 order by 1', [like]);
  return rows.map(({ what }) => what);
};

async function accept(type: string, payload: object): Promise<string> {
  const [outcome] = await acceptEvents(database.pool, [{ type, payload, source: 'test' }]);
  return outcome?.id as string;
}

const until = (id: string, state: string) =>
  waitFor(async () => {
    const { rows } = await database.pool.query('select * from tem.event where id = $1', [id]);
    if (rows[0]?.state !== state) throw new Error(`the event is ${JSON.stringify(rows[0])}`);
    return rows[0];
  }, PATIENCE_MS);

async function call(method: string, path: string, body?: string, contentType = 'application/json') {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body !== undefined && { 'content-type': contentType }) },
    ...(body !== undefined && { body }),
  });
  return { status: response.status, text: await response.text() };
}

test('settings are read where they live, and a wrong or unknown one is named', () => {
  expect(configOf().features.example).toEqual({ volume: 7, names: ['ada'] });
  expect(() => configOf({ TEM_VOLUME: '11', TEM_LOUDNESS: '1' })).toThrow(
    /TEM_VOLUME: must be a whole number from 1 to 10, not '11'\nTEM_LOUDNESS: unknown setting/,
  );
});

test('an event type with a workflow is PROCESSED with what the workflow returns, as a child of its run', async () => {
  const id = await accept('example.greeting', { name: 'Ada' });
  expect(await until(id, 'PROCESSED')).toMatchObject({ result: { greeting: 'Hello, Ada' }, retry_count: 0 });
  const { workflow } = temporal.client;
  // The mark comes first, and the run ends after it.
  for (const run of [`example.greeting:${id}`, `example.greeting:${id}/1.1`]) {
    await waitFor(async () => (await workflow.getHandle(run).describe()).status.name === 'COMPLETED' || undefined);
  }
});

test('an attempt of a workflow that fails is tried again, one that never works is compensated and EXTINCT', async () => {
  const again = await accept('example.greeting', { name: 'Bea', does: 'fail once' });
  const never = await accept('example.greeting', { name: 'Cem', does: 'fail' });
  expect(await until(again, 'PROCESSED')).toMatchObject({ retry_count: 1, last_error: 'not the first time' });
  expect(await until(never, 'EXTINCT')).toMatchObject({ last_error: 'it never works' });
  expect(await heard('compensated%')).toEqual(['compensated Cem']);
});

test('a cancel reaches the workflow, which may clean up, and the event is CANCELLED', async () => {
  const id = await accept('example.greeting', { name: 'Dan', does: 'wait' });
  await until(id, 'PROCESSING');
  expect((await call('POST', `/v1/events/${id}/cancel`)).status).toBe(202);
  await until(id, 'CANCELLED');
  expect(await heard('cancelled')).toEqual(['cancelled']);
});

test('a person who terminates the run or its child in Temporal cancels the event', async () => {
  const [byRun, byChild] = [
    await accept('example.greeting', { name: 'Eve', does: 'wait' }),
    await accept('example.greeting', { name: 'Fay', does: 'wait' }),
  ];
  await Promise.all([until(byRun, 'PROCESSING'), until(byChild, 'PROCESSING')]);
  const { workflow } = temporal.client;
  await workflow.getHandle(`example.greeting:${byRun}`).terminate('enough');
  await waitFor(() => workflow.getHandle(`example.greeting:${byChild}/1.1`).terminate('enough'));
  await Promise.all([until(byRun, 'CANCELLED'), until(byChild, 'CANCELLED')]);
});

test('no worker has a workflow: when the one that began it is gone the event goes on, and no crash is counted', async () => {
  const id = await accept('example.greeting', { name: 'Gil', does: 'wait' });
  const row = await until(id, 'PROCESSING');
  expect(row).toMatchObject({ worker_id: null, epoch_worker_id: null });
  const first = workers.shift() as RunningWorker;
  await first.stop();
  workers.push(await startWorker(configOf(), log, CATALOG));
  expect(await until(id, 'PROCESSING')).toMatchObject({ epoch: row.epoch, crash_count: 0 });
  await call('POST', `/v1/events/${id}/cancel`);
  await until(id, 'CANCELLED');
});

test('no more attempts of a workflow are in flight than its flow lets be, over all workers', async () => {
  const flow = { type: 'example.greeting', group: '', paused: false, rate: null };
  await putFlow(database.pool, { ...flow, maxInFlight: 2 });
  // By then every worker obeys it.
  await waitFor(async () => {
    const { rowCount } = await database.pool.query(`select from tem.flow where updated_at < now() - interval '2 s'`);
    return rowCount === 1;
  });
  const ids = await Promise.all(['Ida', 'Jon', 'Kim', 'Lea'].map((name) => accept(flow.type, { name, does: 'wait' })));
  const inFlight = async (): Promise<string[]> => {
    const { rows } = await database.pool.query(`select id from tem.event where id = any($1) and state = 'PROCESSING'`, [
      ids,
    ]);
    return rows.map(({ id }) => id);
  };
  for (let left = ids.length; left > 0; left -= 1) {
    const some = await waitFor(async () => {
      const found = await inFlight();
      return found.length === Math.min(2, left) && found;
    }, PATIENCE_MS);
    const others = ids.filter((id) => !some.includes(id));
    if (left > 2) {
      const waiting = await waitFor(async () => {
        const found = await whyWaiting(database.pool, others);
        return found.size === left - 2 && [...found.values()];
      }, PATIENCE_MS);
      expect(waiting.every(({ reason }) => reason === 'slots')).toBe(true);
    }
    await call('POST', `/v1/events/${some[0]}/cancel`);
    await until(some[0] as string, 'CANCELLED');
  }
  const { rows } = await database.pool.query(
    `select max(at_once)::int as most from (
       select sum(step) over (order by at) as at_once from (
         select at, 1 as step from tem.transition where event_id = any($1) and to_state = 'PROCESSING'
         union all select at, -1 from tem.transition where event_id = any($1) and from_state = 'PROCESSING') steps) sums`,
    [ids],
  );
  expect(rows).toEqual([{ most: 2 }]);
  await deleteFlow(database.pool, flow.type, '');
});

test('more handlers than connections, each with tx and the pool of the feature, do not wait for each other', async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, () => accept('example.loud', { name: 'Hal' })));
  const rows = await Promise.all(ids.map((id) => until(id, 'PROCESSED')));
  expect(rows.every(({ retry_count }) => retry_count === 0)).toBe(true);
  expect(rows[0].result).toEqual({ volume: 7, name: 'Hal' });
});

test('background parts run on every worker or on one, which hands over when it stops', async () => {
  const everywhere = await waitFor(async () => {
    const found = await heard('started everywhere%');
    return found.length >= 2 ? found : undefined;
  });
  expect(new Set(everywhere).size).toBe(everywhere.length);
  const holder = async (): Promise<string> => {
    const { rows } = await database.pool.query(
      `select worker_id from tem.part_lease where part = 'example: once' and lease_until > clock_timestamp()`,
    );
    return rows[0]?.worker_id;
  };
  const first = (await waitFor(holder)) as string;
  const index = workers.findIndex(({ id }) => id === first);
  const [stopping] = workers.splice(index, 1);
  await stopping?.stop();
  expect(await heard(`stopped % ${first}`)).toEqual([`stopped everywhere ${first}`, `stopped once ${first}`]);
  await waitFor(async () => (await holder()) === workers[0]?.id || undefined);
  workers.push(await startWorker(configOf(), log, CATALOG));
});

test('routes accept events as HTTP does, each refusal in its place', async () => {
  const { text } = await call('POST', '/v1/example/greetings', JSON.stringify({ names: ['Ida', '', 'Ida'] }));
  expect(JSON.parse(text)).toEqual(['accepted', 'key must have 1 to 512 bytes', 'duplicate']);
});

test('an upload of another content type is streamed, and one that takes longer than its route allows is cut', async () => {
  expect((await call('POST', '/v1/example/lines', 'a\n'.repeat(200_000), 'text/csv')).text).toBe('{"lines":200000}');
  const endless = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('a\n')),
  });
  const slow = fetch(`${api.url}/v1/example/lines`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'text/csv' },
    body: endless,
    ...{ duplex: 'half' },
  }).then(
    ({ status }) => status,
    () => 'cut',
  );
  expect([408, 'cut']).toContain(await slow);
});

test('WebSockets are found by their path', async () => {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/v1/example/echo`);
  const echo = await new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('hello'));
    socket.on('message', (data) => resolve(String(data)));
    socket.on('error', reject);
  });
  socket.close();
  expect(echo).toBe('HELLO');
});

test('metrics and health of a feature are in /metrics and readyz, and what is old is pruned in slices', async () => {
  await database.pool.query(`insert into heard select 'old' from generate_series(1, 5)`);
  await waitFor(async () => ((await heard('old')).length === 0 ? true : undefined), PATIENCE_MS);
  expect((await call('GET', '/metrics')).text).toMatch(/example_heard \d+/);
  const ready = await waitFor(async () => {
    const { text } = await call('GET', '/readyz');
    return text.includes('"missing":[]') || undefined;
  });
  expect(ready).toBe(true);
});
