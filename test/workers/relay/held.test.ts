// What a relay asks of the ledger while its runs take long, as when the target of a batch hangs.

import { expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { createRelayBench, typeOf } from './bench.ts';

const ASKED_EVERY_MS = 2_000;
const WATCHED_MS = 5_000;

test('it asks about runs that take long once in 2 s, however often it is rung for', async () => {
  const many = typeOf('many', { batch: 10 });
  const { pool, enqueue, relay, rows } = await createRelayBench([many]);
  let asked = 0;
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  Object.assign(pool, {
    query(...args: unknown[]) {
      if ((args[0] as { name?: string }).name === 'held-runs') asked += 1;
      return query(...args);
    },
  });
  await enqueue(many, 30, { lateMs: 1_000 });
  await relay();
  await waitFor(async () => (await rows()).some(({ claimed }) => claimed));
  await waitFor(() => asked > 0);
  const startedAt = performance.now();
  const before = asked;
  while (performance.now() - startedAt < WATCHED_MS) await pool.query(`notify tem_due`);
  const tookMs = performance.now() - startedAt;
  expect(asked - before).toBeGreaterThan(0);
  expect(asked - before).toBeLessThanOrEqual(Math.ceil(tookMs / ASKED_EVERY_MS));
});
