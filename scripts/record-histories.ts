// `node --import tsx scripts/record-histories.ts`: runs one event of each kind on real services and keeps the histories of
// their workflows in test/histories/, where the tests replay them. Run it for a new kind of story; a recorded history is
// only replaced when workflows of that kind that are still open may be given up.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type pg from 'pg';
import { cancelEvent } from '../src/core/ledger/cancel.ts';
import { createPool } from '../src/core/ledger/pool.ts';
import { eventWorkflowId } from '../src/core/workflow-id.ts';
import { startTem, type TemProcess } from '../test/support/processes.ts';
import { waitFor } from '../test/support/wait.ts';

const FOLDER = fileURLToPath(new URL('../test/histories', import.meta.url));
const TYPES = fileURLToPath(new URL('../test/workflows/scripted-types.ts', import.meta.url));
const TOMORROW = new Date(Date.now() + 86_400_000);
const FLOOD = 60;
const PATIENCE_MS = 60_000;

interface Stage {
  pool: pg.Pool;
  client: Client;
}

interface Given {
  type: string;
  payload?: object;
  runAt?: Date;
}

async function enqueue(
  { pool }: Stage,
  { type, payload = {}, runAt }: Given,
): Promise<{ id: string; workflowId: string }> {
  const key = `recorded-${type}-${Math.random().toString(36).slice(2)}`;
  const { rows } = await pool.query<{ id: string }>('select tem.enqueue($1, $2::jsonb, $3, run_at => $4) as id', [
    type,
    JSON.stringify(payload),
    key,
    runAt ?? null,
  ]);
  return { id: rows[0]?.id as string, workflowId: eventWorkflowId(type, key) };
}

const untilState = ({ pool }: Stage, id: string, state: string): Promise<unknown> =>
  waitFor(async () => {
    const { rows } = await pool.query('select state, last_error from tem.event where id = $1', [id]);
    if (rows[0]?.state !== state) throw new Error(`the event is ${JSON.stringify(rows[0])}`);
    return true;
  }, PATIENCE_MS);

const untilDone = ({ pool }: Stage, id: string): Promise<unknown> =>
  waitFor(async () => (await pool.query('select from done where event = $1', [id])).rowCount, PATIENCE_MS);

const untilClosed = ({ client }: Stage, workflowId: string): Promise<unknown> =>
  waitFor(async () => (await client.workflow.getHandle(workflowId).describe()).status.name !== 'RUNNING', PATIENCE_MS);

/** Runs an event to the state and resolves to its workflow's id. */
async function play(
  stage: Stage,
  given: Given,
  state: string,
  act?: (event: { id: string; workflowId: string }) => Promise<unknown>,
): Promise<string> {
  const event = await enqueue(stage, given);
  await act?.(event);
  await untilState(stage, event.id, state);
  await untilClosed(stage, event.workflowId);
  return event.workflowId;
}

async function startByHand({ pool, client }: Stage, workflowId: string, id: string): Promise<void> {
  const { rows } = await pool.query<{ task_queue: string }>('select task_queue from tem.worker limit 1');
  await client.workflow.start('event', { workflowId, taskQueue: rows[0]?.task_queue as string, args: [{ id }] });
}

/** A sweep over two shops that can't be reached; resolves to the id of its own workflow, a child of the event's. */
async function sweep(stage: Stage, state: string, act?: (id: string) => Promise<unknown>): Promise<string> {
  await stage.pool.query(`
    insert into tem.price_shop (id, name, adapter, rate_per_minute, max_in_flight, timeout_ms, settings, robots)
      select 'shop' || n, '', 'html', 100, 10, 1000, '{}', false from generate_series(1, 2) n on conflict do nothing;
    insert into tem.price_product (id, shop, url, tier)
      select 'product' || n, 'shop' || n % 2 + 1, 'http://127.0.0.1:9/', 5 from generate_series(1, 4) n on conflict do nothing;
    update tem.price_product set next_check_at = now()`);
  const event = await enqueue(stage, { type: 'price.sweep', payload: { tier: 'daily' } });
  await act?.(event.id);
  await untilState(stage, event.id, state);
  const child = await waitFor(async () => {
    for await (const { workflowId } of stage.client.workflow.list({ query: `WorkflowType = 'priceSweep'` }))
      if (workflowId.startsWith(event.workflowId)) return workflowId;
    return undefined;
  }, PATIENCE_MS);
  await untilClosed(stage, child);
  return child;
}

/** Each story by the name of its file: plays it and resolves to the workflow's id. */
const STORIES: Record<string, (stage: Stage) => Promise<string>> = {
  'event-processed': (stage) => play(stage, { type: 'quick', payload: { plan: ['ok'] } }, 'PROCESSED'),
  'event-retried-then-processed': (stage) =>
    play(stage, { type: 'quick', payload: { plan: ['fail', 'fail', 'ok'] } }, 'PROCESSED'),
  'event-extinct': (stage) => play(stage, { type: 'quick', payload: { plan: ['fail', 'fail', 'fail'] } }, 'EXTINCT'),
  'event-extinct-after-compensation': (stage) =>
    play(stage, { type: 'undone', payload: { plan: ['fail', 'never'], undo: ['fail'] } }, 'EXTINCT'),
  'event-cancelled-in-the-ledger': (stage) =>
    play(stage, { type: 'undone', payload: { plan: ['hold'] } }, 'CANCELLED', async ({ id }) => {
      await untilDone(stage, id);
      await cancelEvent(stage.pool, id, 'recording');
    }),
  'event-cancelled-in-temporal-while-waiting': (stage) =>
    play(stage, { type: 'patient-undone', payload: { plan: ['fail'] } }, 'CANCELLED', async ({ id, workflowId }) => {
      await untilState(stage, id, 'FAILED');
      await stage.client.workflow.getHandle(workflowId).cancel();
    }),
  'event-cancelled-in-temporal-while-running': (stage) =>
    play(stage, { type: 'quick', payload: { plan: ['hold'] } }, 'CANCELLED', async ({ id, workflowId }) => {
      await untilDone(stage, id);
      await stage.client.workflow.getHandle(workflowId).cancel();
    }),
  'event-long': (stage) => play(stage, { type: 'long', payload: { plan: ['fail', 'ok'] } }, 'PROCESSED'),
  'event-started-by-hand': (stage) =>
    play(stage, { type: 'quick', runAt: TOMORROW }, 'PROCESSED', ({ id, workflowId }) =>
      startByHand(stage, workflowId, id),
    ),
  async 'event-refused-by-hand'(stage) {
    await startByHand(stage, 'refused-by-hand', '00000000-0000-7000-8000-000000000000');
    await untilClosed(stage, 'refused-by-hand');
    return 'refused-by-hand';
  },
  async 'event-batch'(stage) {
    await stage.pool.query(`select tem.enqueue('many', '{}') from generate_series(1, $1)`, [FLOOD]);
    const workflowId = await waitFor(async () => {
      for await (const run of stage.client.workflow.list({ query: `WorkflowType = 'eventBatch'` }))
        return run.workflowId;
      return undefined;
    }, PATIENCE_MS);
    await untilClosed(stage, workflowId);
    return workflowId;
  },
  async 'schedule-firing'(stage) {
    await stage.pool.query(
      `insert into tem.schedule (id, every, time_zone, type, payload) values ('recorded', '1s', 'UTC', 'quick', '{"plan": ["ok"]}')`,
    );
    return waitFor(async () => {
      for await (const run of stage.client.workflow.list({
        query: `WorkflowType = 'scheduleFiring' AND ExecutionStatus = 'Completed'`,
      }))
        return run.workflowId;
      return undefined;
    }, PATIENCE_MS);
  },
  'price-sweep': (stage) => sweep(stage, 'PROCESSED'),
  'price-sweep-cancelled': (stage) =>
    sweep(stage, 'CANCELLED', async (id) => {
      await waitFor(
        async () =>
          (await stage.pool.query(`update tem.price_sweep set state = 'paused' where id = $1`, [id])).rowCount,
        PATIENCE_MS,
      );
      await cancelEvent(stage.pool, id, 'recording');
    }),
  async reconcile(stage) {
    return waitFor(async () => {
      for await (const run of stage.client.workflow.list({
        query: `WorkflowType = 'reconcile' AND ExecutionStatus = 'Completed'`,
      }))
        return run.workflowId;
      return undefined;
    }, PATIENCE_MS);
  },
};

/** Takes out what names a machine, a process or a path: replays don't read it. */
function scrub(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => scrub(each));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, scrub(each, key)]));
  }
  if (typeof value !== 'string') return value;
  if (name === 'identity') return 'tem';
  if (name === 'stackTrace') return '';
  // The sticky queue of a worker is named after its process.
  return value.includes(hostname()) || /\d+@/.test(value) ? 'scrubbed' : value;
}

async function record(stage: Stage): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, story] of Object.entries(STORIES)) {
    const path = join(FOLDER, `${name}.json`);
    if (existsSync(path) && !process.argv.includes('--replace')) {
      console.log(`${name}: kept, give --replace to record it again`);
      continue;
    }
    const workflowId = await story(stage);
    const history = proto.temporal.api.history.v1.History.create(
      await stage.client.workflow.getHandle(workflowId).fetchHistory(),
    );
    const plain = proto.temporal.api.history.v1.History.toObject(history, {
      longs: String,
      bytes: String,
      enums: String,
    });
    writeFileSync(path, `${JSON.stringify(scrub(plain), undefined, 2)}\n`);
    console.log(`${name}: ${history.events?.length} events`);
  }
}

async function main(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'tem histories '));
  const processes: TemProcess[] = [];
  const start = async (command: string, environment: Record<string, string>): Promise<Record<string, unknown>> => {
    const tem = startTem([command], { TEM_HOME: home, TEM_LOG_LEVEL: 'error', ...environment });
    processes.unshift(tem);
    return tem.ready();
  };
  try {
    const services = await start('services', {
      TEM_POSTGRES_PORT: '0',
      TEM_TEMPORAL_PORT: '0',
      TEM_TEMPORAL_UI_PORT: '0',
    });
    const databaseUrl = String(services.databaseUrl);
    const address = String(services.temporalAddress);
    const pool = createPool(databaseUrl, { max: 2, applicationName: 'recording', forHandlers: true });
    await pool.query(`
      create table done (n serial, event uuid, attempt int, what text, at timestamptz default clock_timestamp());
      create table effect (n serial, event uuid, what text, uniquely text, unique (uniquely) deferrable initially deferred);
      create table gate (key text primary key)`);
    await start('worker', {
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: address,
      TEM_EVENT_TYPES: TYPES,
      TEM_SLOTS: '8',
      TEM_RECONCILE_EVERY: '2s',
    });
    const connection = await Connection.connect({ address });
    await record({ pool, client: new Client({ connection }) });
    await connection.close();
    await pool.end();
  } finally {
    for (const tem of processes) await tem.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

await main();
