// What is found out about an attempt after its end goes with that attempt, and adds to what is known.

import { expect, test } from 'vitest';
import { noteAfterEnd } from '../../../src/core/ledger/note.ts';
import { openBench, typeOf } from './bench.ts';

const createBench = await openBench();

test('what an older attempt left behind says nothing of a newer one', async () => {
  const bench = await createBench([typeOf(() => Promise.reject(new Error('the reason')))]);
  const id = await bench.accept();
  await bench.attempt(id);
  const { epoch } = await bench.row(id);
  await bench.makeDue(id);
  await bench.attempt(id);
  await noteAfterEnd(bench.pool, [{ id, epoch }], 'the older one');
  expect((await bench.row(id)).last_error).toBe('the reason');
  const newer = await bench.row(id);
  await noteAfterEnd(bench.pool, [{ id, epoch: newer.epoch }], 'the newer one');
  expect((await bench.row(id)).last_error).toBe('the reason\nthe newer one');
  // Again and again, until enough is known.
  for (let times = 0; times < 20; times++)
    await noteAfterEnd(bench.pool, [{ id, epoch: newer.epoch }], 'x'.repeat(1_000));
  expect((await bench.row(id)).last_error?.length).toBeLessThan(8_200);
});
