// An API and a worker on different databases looked healthy once, each by itself. Now everything that is asked says it.

import { expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { runTem } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { call } from './client.ts';
import { PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

test(
  'readyz and doctor say in words that the worker is not on this database, and its event waits',
  async () => {
    const scene = await setup();
    const elsewhere = await createDatabase();
    await scene.startWorker({ DATABASE_URL: elsewhere.databaseUrl });
    const api = await scene.startApi();
    const url = String(api.is.url);
    const [id] = (await scene.send([{}])) as [string];

    const ready = await waitFor(async () => {
      const answer = await call(url, 'GET', '/readyz');
      return answer.status === 503 ? answer : undefined;
    }, PATIENCE_MS);
    expect(ready.body).toMatchObject({ missing: ['worker'] });
    expect(JSON.stringify(ready.body)).toMatch(/no live worker is registered on this database.*same DATABASE_URL/);

    const doctor = await waitFor(async () => {
      const answer = await runTem(['doctor'], scene.environment);
      return /another database/.test(answer.stdout) ? answer : undefined;
    }, PATIENCE_MS);
    expect(doctor.code).not.toBe(0);
    expect(doctor.stdout).toMatch(/WRONG +worker .*no worker runs on this database/);
    // The API's own log says it without being asked.
    await waitFor(
      () => /accepted events wait: no worker runs on this database/.test(api.stdout() + api.stderr()),
      PATIENCE_MS,
    );
    expect((await scene.row(id)).state).toBe('QUEUED');
  },
  TEST_TIMEOUT_MS,
);

test(
  'a worker that is given an event of another ledger refuses it in words, and its own log says so',
  async () => {
    const scene = await setup();
    const worker = await scene.startWorker();
    const { rows } = await scene.pool.query<{ id: string }>('select id from tem.ledger');
    const taskQueue = `tem-${rows[0]?.id.slice(0, 8)}`;
    const queues = await waitFor(async () => {
      const { rows: workers } = await scene.pool.query<{ task_queue: string }>('select task_queue from tem.worker');
      return workers.length > 0 ? workers : undefined;
    });
    expect(queues[0]?.task_queue.startsWith(taskQueue)).toBe(true);

    const other = {
      ledger: '00000000-0000-7000-8000-000000000000',
      id: '00000000-0000-7000-8000-000000000001',
      type: 'work',
      key: 'k',
    };
    await scene.temporal.client.workflow.start('event', {
      workflowId: 'of-another-ledger',
      taskQueue: queues[0]?.task_queue as string,
      args: [
        {
          ...other,
          generation: 1,
          attempt: 1,
          policy: { timeoutMs: 1_000, long: true, maxAttempts: 5 },
          searchAttributes: false,
        },
      ],
    });
    await waitFor(async () => {
      const run = await scene.temporal.client.workflow.getHandle('of-another-ledger').describe();
      const [pending] = run.raw.pendingActivities ?? [];
      return /API and worker use different databases/.test(pending?.lastFailure?.message ?? '');
    }, PATIENCE_MS);
    await waitFor(() => /different databases/.test(worker.stdout() + worker.stderr()), PATIENCE_MS);
  },
  TEST_TIMEOUT_MS,
);
