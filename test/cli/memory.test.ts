// A worker that has grown too large finishes what it runs, then ends for its supervisor.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { builtModule, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

test('a worker beyond TEM_WORKER_MAX_RSS_MB lets its attempt finish, says why, and ends with exit code 6', async () => {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const folder = mkdtempSync(join(tmpdir(), 'tem-memory-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const worker = startTem(
    ['worker'],
    testEnvironment(database, temporal, {
      TEM_EVENT_TYPES: builtModule(new URL('../support/event-types.ts', import.meta.url)),
      TEST_FOLDER: folder,
      // Less than any worker has.
      TEM_WORKER_MAX_RSS_MB: '50',
      TEM_LOG_LEVEL: 'info',
    }),
  );
  onTestFinished(() => void worker.stop());
  await worker.ready();
  await acceptEvents(database.pool, [
    { type: 'solitary', payload: { steps: [{ do: 'hold', gate: 'end' }] }, source: 'test' },
  ]);
  await waitFor(() => worker.stdout().includes('worker stopping'), 60_000);
  writeFileSync(join(folder, 'gate-end'), '');
  expect(await worker.exited).toEqual({ code: 6, signal: null });
  expect(worker.stdout()).toContain('grown beyond TEM_WORKER_MAX_RSS_MB');
  const { rows } = await database.pool.query('select state, retry_count from tem.event');
  expect(rows).toEqual([{ state: 'PROCESSED', retry_count: 0 }]);
});
