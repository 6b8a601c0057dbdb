// A real worker process on a ledger and a namespace of its own, and what tests want to know of both.

import { randomUUID } from 'node:crypto';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { afterAll } from 'vitest';
import { type AcceptInput, acceptEvents } from '../../src/core/ledger/accept.ts';
import { eventWorkflowId } from '../../src/core/workflow-id.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { builtModule, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const TYPES = builtModule(new URL('./scripted-types.ts', import.meta.url));
/** The machine may be busy with other tests. */
const PATIENCE_MS = 60_000;

export interface SceneEvent {
  id: string;
  type: string;
  key: string;
  state: string;
  retry_count: number;
  last_error: string | null;
  next_retry_at: Date | null;
  workflow_id: string | null;
  result: unknown;
  compensating: boolean;
  compensation_error: string | null;
  cancel_requested: boolean;
  crash_count: number;
}

export type Scene = Awaited<ReturnType<typeof createScene>>;

/** Called at the top of a test file: everything ends with the file. */
export async function createScene(environment: Record<string, string> = {}) {
  const database = await createDatabase();
  const { pool } = database;
  const temporal = await createNamespace();
  await pool.query(`
    create table done (n serial, event uuid, attempt int, what text, at timestamptz default clock_timestamp());
    create table effect (n serial, event uuid, what text, uniquely text, unique (uniquely) deferrable initially deferred);
    create table gate (key text primary key)`);
  const further = { TEM_EVENT_TYPES: TYPES, ...environment };
  const start = () => {
    const worker = startTem(['worker'], testEnvironment(database, temporal, further));
    afterAll(() => worker.stop());
    return worker;
  };
  const worker = start();
  await worker.ready();

  const event = async (id: string): Promise<SceneEvent> => {
    const { rows } = await pool.query<SceneEvent>('select * from tem.event where id = $1', [id]);
    return rows[0] as SceneEvent;
  };
  const accept = async (
    type: string,
    payload: unknown = {},
    further: Partial<AcceptInput> = {},
  ): Promise<SceneEvent> => {
    const [outcome] = await acceptEvents(pool, [{ type, payload, key: randomUUID(), source: 'test', ...further }]);
    return event(outcome?.id as string);
  };
  /** Resolves to the event once it is as described. */
  const until = (id: string, condition: (event: SceneEvent) => boolean, timeoutMs = PATIENCE_MS): Promise<SceneEvent> =>
    waitFor(async () => {
      const current = await event(id);
      if (!condition(current))
        throw new Error(
          `the event is ${JSON.stringify(current)}; the worker says ${worker.stderr()}${worker.stdout()}`,
        );
      return current;
    }, timeoutMs);
  const column = async (sql: string, values: unknown[]): Promise<string[]> => {
    const { rows } = await pool.query({ text: sql, values, rowMode: 'array' });
    return rows.map((row) => String(row[0]));
  };
  return {
    pool,
    temporal,
    worker,
    accept,
    event,
    handle: ({ type, key }: Pick<SceneEvent, 'type' | 'key'>) =>
      temporal.client.workflow.getHandle(eventWorkflowId(type, key)),
    until,
    untilState: (id: string, state: string, timeoutMs = PATIENCE_MS) =>
      until(id, (current) => current.state === state, timeoutMs),
    /** What ran, in order, committed or not. */
    done: (id: string) => column('select what from done where event = $1 order by n', [id]),
    untilDone: (id: string, what: string) =>
      waitFor(
        async () => (await column('select what from done where event = $1 and what = $2', [id, what])).length > 0,
        PATIENCE_MS,
      ),
    effects: (id: string) => column(`select coalesce(what, 'done') from effect where event = $1 order by n`, [id]),
    history: (id: string) =>
      column(`select from_state || ' -> ' || to_state from tem.transition where event_id = $1 order by version`, [id]),
    openGate: (key: string) => pool.query('insert into gate values ($1)', [key]),
    /** Waits until the run has the status. */
    async untilRun(
      { type, key }: Pick<SceneEvent, 'type' | 'key'>,
      status: string,
    ): Promise<WorkflowExecutionDescription> {
      const handle = temporal.client.workflow.getHandle(eventWorkflowId(type, key));
      return waitFor(async () => {
        const description = await handle.describe();
        if (description.status.name !== status) throw new Error(`the run is ${description.status.name}`);
        return description;
      }, PATIENCE_MS);
    },
  };
}
