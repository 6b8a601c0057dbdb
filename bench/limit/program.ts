// How fast workflows can be here at all: with TEM's Temporal worker and its settings, started eagerly on the worker's own
// connection, as many in flight as TEM has slots, each with one local activity that does nothing and with it knows its end.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { readConfig } from '../../src/config.ts';
import { workflowBundle } from '../../src/workers/bundle.ts';
import { createTemporalWorker } from '../../src/workers/temporal-worker.ts';
import { leanWorkflowThreads } from '../../src/workers/workflow-threads.ts';
import { runAsChild } from '../child.ts';

interface LimitInput {
  address: string;
  folder: string;
  workflows: number;
  warmUp: number;
}

const TASK_QUEUE = 'limit';

runAsChild<LimitInput>(async ({ address, folder, workflows, warmUp }) => {
  leanWorkflowThreads();
  const { slots, graceMs } = readConfig({}).worker;
  const log = pino({ level: 'warn' });
  const connection = await NativeConnection.connect({ address });
  const ended = new Map<string, () => void>();
  const worker = createTemporalWorker({
    connection,
    namespace: 'default',
    taskQueue: TASK_QUEUE,
    identity: TASK_QUEUE,
    bundle: await workflowBundle(folder, log, fileURLToPath(new URL('./workflows.ts', import.meta.url))),
    activities: {
      async nothing(): Promise<void> {
        ended.get(Context.current().info.workflowExecution?.workflowId ?? '')?.();
      },
    },
    slots,
    graceMs,
    log,
  });
  await worker.start();
  const client = new Client({ connection });
  let eager = 0;
  const execute = async (count: number): Promise<number> => {
    let left = count;
    eager = 0;
    const startedAt = performance.now();
    const run = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const workflowId = randomUUID();
        const end = new Promise<void>((resolve) => ended.set(workflowId, resolve));
        const handle = await client.workflow.start('limit', {
          workflowId,
          taskQueue: TASK_QUEUE,
          requestEagerStart: true,
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'FAIL',
        });
        if (handle.eagerlyStarted) eager += 1;
        await end;
        ended.delete(workflowId);
      }
    };
    await Promise.all(Array.from({ length: slots }, run));
    return (performance.now() - startedAt) / 1_000;
  };
  await execute(warmUp);
  const seconds = await execute(workflows);
  await worker.stop();
  await connection.close();
  return { perSecond: workflows / seconds, eagerly: eager / workflows };
});
