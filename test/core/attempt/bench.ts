// What the attempt's tests share: a ledger for each file, a worker with a lease for each test, and events of given types.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { type AttemptOutcome, runAttempt } from '../../../src/core/attempt/attempt.ts';
import { createAttemptDependencies } from '../../../src/core/attempt/dependencies.ts';
import { settle } from '../../../src/core/attempt/settle.ts';
import { defineEventType, type EventType, type EventTypeDefinition } from '../../../src/core/event-type.ts';
import { createEventTypes } from '../../../src/core/event-types.ts';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { freeDeadWorkers } from '../../../src/core/ledger/free.ts';
import { registerWorker } from '../../../src/core/ledger/leases.ts';
import { createNotifier } from '../../../src/core/ledger/notifier.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

export type Handle = NonNullable<EventTypeDefinition['handle']>;

const QUICK_RETRY = { maxAttempts: 3, base: '1s', cap: '10s', jitter: 0 } as const;

/** A type of any payload whose attempts are retried quickly, with the given handler. */
export function typeOf(handle: Handle, further: Partial<EventTypeDefinition> = {}): EventType {
  return defineEventType({ name: 'probe', payload: {}, retry: QUICK_RETRY, handle, ...further });
}

export interface EventRow {
  state: string;
  retry_count: number;
  last_error: string | null;
  next_retry_at: Date | null;
  result: unknown;
  compensating: boolean;
  compensation_error: string | null;
  epoch: number;
  lane: number;
  crash_count: number;
  generation: number;
  /** Milliseconds from the last change to next_retry_at. */
  delay_ms: number | null;
  queued: boolean;
}

interface BenchOptions {
  /** Another way to the same database for the handlers' transactions, such as a proxy. */
  handlersUrl?: (databaseUrl: string) => Promise<string>;
  waitingRunsMax?: number;
}

/** Called at the top of a file: the ledger of all its tests. Gives what makes a bench for one test. */
export async function openBench() {
  const database = await createDatabase();
  await database.pool.query('create table effect (n serial, event text, unique (event) deferrable initially deferred)');
  return (types: EventType[], options: BenchOptions = {}) => createBench(database, types, options);
}

async function createBench({ databaseUrl, pool }: TestDatabase, types: EventType[], options: BenchOptions) {
  const [first] = types;
  if (!first) throw new Error('a bench needs a type');
  const handlersUrl = (await options.handlersUrl?.(databaseUrl)) ?? databaseUrl;
  const handlersPool = createPool(handlersUrl, { max: 5, applicationName: 'tem handlers', forHandlers: true });
  const registry = createEventTypes(types);
  const workerId = randomUUID();
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const createWorker = (id: string) =>
    createAttemptDependencies({
      workerId: id,
      types: registry,
      marksPool: pool,
      handlersPool,
      notifier: createNotifier(pool),
      ...(options.waitingRunsMax !== undefined && { waitingRunsMax: options.waitingRunsMax }),
      log,
    });
  const dependencies = createWorker(workerId);
  onTestFinished(() => handlersPool.end());
  const register = (id: string) =>
    registerWorker(pool, { id, host: 'test', pid: 1, taskQueue: 'test', types: registry.all() });
  await register(workerId);

  const row = async (id: string): Promise<EventRow> => {
    const { rows } = await pool.query<EventRow>(
      `select *, due_at is not null as queued, extract(epoch from next_retry_at - updated_at)::float8 * 1000 as delay_ms
       from tem.event where id = $1`,
      [id],
    );
    return rows[0] as EventRow;
  };
  return {
    databaseUrl,
    pool,
    dependencies,
    lines,
    row,
    /** The first worker seems to be dead: its lease is over and its events are free. */
    async lapse(): Promise<void> {
      await pool.query('update tem.worker set lease_until = clock_timestamp() where id = $1', [workerId]);
      await freeDeadWorkers(pool);
    },
    /** A second worker on the same ledger. */
    async anotherWorker() {
      const id = randomUUID();
      await register(id);
      return createWorker(id);
    },
    async accept(payload: unknown = {}, type = first.name): Promise<string> {
      const [outcome] = await acceptEvents(pool, [{ type, payload, source: 'test' }]);
      return outcome?.id as string;
    },
    /** Runs the event's next attempt as a run of its own. */
    async attempt(
      id: string,
      given: { generation?: number; attempt?: number; worker?: typeof dependencies } = {},
    ): Promise<AttemptOutcome> {
      const run = (request: { type: string; generation: number; attempt: number }) =>
        runAttempt(given.worker ?? dependencies, { id, ...request }, { batch: false });
      const { generation, attempt } = given;
      // Without a look at the row, two calls meet in one turn.
      if (generation !== undefined && attempt !== undefined) return run({ type: first.name, generation, attempt });
      const { rows } = await pool.query('select type, generation, retry_count from tem.event where id = $1', [id]);
      const row = rows[0] ?? { type: first.name, generation: 0, retry_count: 0 };
      return run({ type: row.type, generation: generation ?? row.generation, attempt: attempt ?? row.retry_count + 1 });
    },
    async settle(id: string, worker = dependencies) {
      const { rows } = await pool.query('select type, generation from tem.event where id = $1', [id]);
      return settle(worker, { id, ...(rows[0] as { type: string; generation: number }) });
    },
    async effects(id: string): Promise<number> {
      const { rows } = await pool.query<{ count: number }>(
        'select count(*)::int as count from effect where event = $1',
        [id],
      );
      return rows[0]?.count ?? 0;
    },
    async history(id: string): Promise<string[]> {
      const { rows } = await pool.query<{ step: string }>(
        `select from_state || ' -> ' || to_state as step from tem.transition where event_id = $1 order by version`,
        [id],
      );
      return rows.map((each) => each.step);
    },
    /** Takes the wait out of the event's way. */
    async makeDue(id: string): Promise<void> {
      await pool.query(`update tem.event set next_retry_at = clock_timestamp() - interval '1 second' where id = $1`, [
        id,
      ]);
    },
  };
}

/** A promise with its resolve, for handlers that a test holds back. */
export function gate<Value = void>(): { opened: Promise<Value>; open: (value: Value) => void } {
  let open: (value: Value) => void = () => {};
  const opened = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export const insertEffect = (client: { query(text: string, values: unknown[]): Promise<unknown> }, id: string) =>
  client.query('insert into effect (event) values ($1)', [id]);

/** Resolves when a connection of this application waits or runs on the server as described. */
export async function activity(pool: pg.Pool, where: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and ${where}`,
  );
  return rows[0]?.count ?? 0;
}
