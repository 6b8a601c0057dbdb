// Workers that run some of the features only: the others' events wait, say so, and hold up nobody (rule 10).

import { expect, onTestFinished, test } from 'vitest';
import { createEventTypes } from '../../src/core/event-types.ts';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { getEvent } from '../../src/core/ledger/events.ts';
import { type EventJson, presentEvent } from '../../src/core/ledger/present.ts';
import { createTypeDirectory } from '../../src/core/ledger/type-directory.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { runTem, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const PATIENCE_MS = 60_000;

async function setup() {
  const database = await createDatabase();
  const temporal = await createNamespace();
  const environment = testEnvironment(database, temporal, { TEM_OUTBOUND_ALLOW: '127.0.0.1' });
  const { pool } = database;
  const directory = createTypeDirectory(pool, createEventTypes([]));
  const read = async (id: string): Promise<EventJson> => {
    await directory.fresh();
    const row = await getEvent(pool, id);
    if (!row) throw new Error(`no event ${id}`);
    return presentEvent(row, directory);
  };
  return {
    environment,
    read,
    async startWorker(features: string) {
      const worker = startTem(['worker', '--features', features], environment);
      onTestFinished(async () => void (await worker.stop()));
      await worker.ready();
    },
    async send(type: string, payload: unknown): Promise<string> {
      const [outcome] = await acceptEvents(pool, [{ type, payload, source: 'test' }]);
      return outcome?.id as string;
    },
    untilEnded: (id: string) =>
      waitFor(async () => {
        const event = await read(id);
        if (['PROCESSED', 'EXTINCT'].includes(event.state)) return event;
        throw new Error(JSON.stringify(event));
      }, PATIENCE_MS),
    workers: async () =>
      (
        await pool.query<{ types: string[]; task_queue: string }>(
          'select types, task_queue from tem.worker order by started_at',
        )
      ).rows,
  };
}

test('an event of a feature that no worker runs waits and says so, until a worker that runs it comes', async () => {
  const { startWorker, send, read, untilEnded, workers } = await setup();
  await startWorker('webhooks');
  const waits = await send('notification', { user: 'ada', title: 'Hello', body: 'there' });
  // A refused address ends at its first attempt: this worker runs what is its own.
  const own = await send('webhook', { url: 'http://10.0.0.1/', body: {} });
  expect(await untilEnded(own)).toMatchObject({ state: 'EXTINCT' });
  expect(await read(waits)).toMatchObject({
    state: 'QUEUED',
    waiting: { reason: 'slots', detail: 'no live worker knows the type notification' },
  });

  await startWorker('notifications');
  expect(await untilEnded(waits)).toMatchObject({ state: 'PROCESSED', retryCount: 0 });
  const [webhooks, notifications] = await workers();
  expect(webhooks?.types).toEqual(['webhook']);
  expect(notifications?.types).toEqual(['notification']);
  // The runs of one never reach the other.
  expect(notifications?.task_queue).not.toBe(webhooks?.task_queue);
});

test('a feature that does not exist is refused with the names of those that do', async () => {
  const nowhere = { databaseUrl: 'postgres://127.0.0.1:1/x', address: '127.0.0.1:1', namespace: 'default' };
  const { code, stderr } = await runTem(
    ['worker', '--features', 'webhooks,mail'],
    testEnvironment(nowhere, nowhere, {}),
  );
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/mail is not a feature; there are notifications, .*webhooks/);
});
