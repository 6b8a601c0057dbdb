// What a clone runs: the sources, and types of TypeScript, through the loader. Other tests start a build of the same sources.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { atEnd } from '../support/at-end.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { makeHome } from '../support/home.ts';
import { CLONED, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const TYPES = fileURLToPath(new URL('../support/event-types.ts', import.meta.url));

test('a worker from the sources runs an event of a type from a file of TypeScript', async () => {
  const database = await createDatabase();
  const environment = testEnvironment(database, await createNamespace(), {
    TEM_EVENT_TYPES: TYPES,
    TEST_FOLDER: await makeHome(),
  });
  const worker = startTem(['worker'], environment, { program: CLONED });
  atEnd(async () => void (await worker.stop()));
  await worker.ready();
  const payload = { steps: [{ do: 'failForGood' }] };
  await acceptEvents(database.pool, [{ type: 'work', payload, key: 'a', source: 'test' }]);
  const row = await waitFor(async () => {
    const { rows } = await database.pool.query('select state, retry_count, last_error from tem.event');
    return rows[0].state === 'EXTINCT' && rows[0];
  });
  // One attempt: the type's NotRetryable is the worker's own.
  expect(row).toMatchObject({ retry_count: 1, last_error: expect.stringContaining('this can never succeed') });
});
