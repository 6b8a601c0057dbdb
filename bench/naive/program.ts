// Client and worker of the naive design in one process, as one writes them at first: options left at their defaults, and
// a bounded number of workflows executed side by side.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import pg from 'pg';
import { runAsChild } from '../child.ts';
import { createNaiveActivities } from './activities.ts';

interface NaiveInput {
  address: string;
  databaseUrl: string;
  workflow: 'naive' | 'bare';
  events: number;
  inFlight: number;
  warmUp: number;
}

const TASK_QUEUE = 'naive';
const PAYLOAD = JSON.stringify({ text: 'x'.repeat(189) });

runAsChild<NaiveInput>(async ({ address, databaseUrl, workflow, events, inFlight, warmUp }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  await pool.query(
    `create table if not exists naive_event (id uuid primary key, payload jsonb not null, state text not null default 'QUEUED',
      updated_at timestamptz not null default now())`,
  );
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address }),
    taskQueue: TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
    activities: createNaiveActivities(pool),
  });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const seconds = await worker.runUntil(async () => {
    const execute = async (count: number): Promise<number> => {
      const ids = Array.from({ length: count }, () => randomUUID());
      await pool.query('insert into naive_event (id, payload) select id, $2 from unnest($1::uuid[]) as id', [
        ids,
        PAYLOAD,
      ]);
      const startedAt = performance.now();
      const run = async (): Promise<void> => {
        for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
          await client.workflow.execute(workflow, { workflowId: id, taskQueue: TASK_QUEUE, args: [id] });
        }
      };
      await Promise.all(Array.from({ length: inFlight }, run));
      return (performance.now() - startedAt) / 1_000;
    };
    await execute(warmUp);
    return execute(events);
  });
  await connection.close();
  if (workflow === 'naive') {
    const { rowCount } = await pool.query(`select from naive_event where state <> 'PROCESSED'`);
    if (rowCount !== 0) throw new Error(`${rowCount} events are not PROCESSED`);
  }
  await pool.end();
  return { seconds, perSecond: events / seconds };
});
