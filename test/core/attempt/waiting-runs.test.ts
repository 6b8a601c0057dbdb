// A storm of failures fills the ledger's queue, not Temporal: only so many runs of a worker wait for their next attempt.

import { expect, test } from 'vitest';
import { openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const WAITING_MAX = 3;

async function setup(further: Parameters<typeof typeOf>[1] = {}) {
  let fails = true;
  const type = typeOf(
    () => {
      if (fails) throw new Error('the target is down');
    },
    { retry: { maxAttempts: 3, base: '1h', jitter: 0 }, ...further },
  );
  const bench = await createBench([type], { waitingRunsMax: WAITING_MAX });
  const ids = await Promise.all(Array.from({ length: 8 }, () => bench.accept()));
  const recover = (): void => {
    fails = false;
  };
  const fail = (): void => {
    fails = true;
  };
  return { ...bench, ids, recover, fail };
}

test('beyond the bound an event that fails leaves its run and waits in the queue', async () => {
  const { ids, attempt, row, makeDue, recover, fail } = await setup();
  const left: unknown[] = [];
  for (const id of ids) {
    const outcome = await attempt(id, { generation: 0, attempt: 1 });
    left.push(outcome.outcome === 'retry' && outcome.left);
  }
  expect(left).toEqual(ids.map((_, index) => index >= WAITING_MAX));
  const queued = await Promise.all(ids.map(async (id) => (await row(id)).queued));
  expect(queued).toEqual(ids.map((_, index) => index >= WAITING_MAX));
  expect(await row(ids.at(-1) as string)).toMatchObject({ state: 'FAILED', retry_count: 1, delay_ms: 3_600_000 });
  const [waits, fifth, leaves] = [ids[0], ids[4], ids[5]] as [string, string, string];
  for (const id of [waits, fifth, leaves]) await makeDue(id);
  // A run that goes on makes room for one other.
  recover();
  expect(await attempt(waits)).toEqual({ outcome: 'processed' });
  fail();
  expect(await attempt(fifth)).toMatchObject({ outcome: 'retry', left: false });
  expect(await attempt(leaves)).toMatchObject({ outcome: 'retry', left: true });
});

test('a compensation that fails leaves its run likewise', async () => {
  const { ids, attempt, settle, row } = await setup({
    retry: { maxAttempts: 1 },
    compensationRetry: { maxAttempts: 3, base: '1h', jitter: 0 },
    compensate() {
      throw new Error('down too');
    },
  });
  for (const id of ids) expect(await attempt(id, { generation: 0, attempt: 1 })).toEqual({ outcome: 'settle' });
  const outcomes: unknown[] = [];
  for (const id of ids) outcomes.push((await settle(id)).outcome);
  expect(outcomes).toEqual(ids.map((_, index) => (index < WAITING_MAX ? 'again' : 'stale')));
  expect(await row(ids.at(-1) as string)).toMatchObject({ compensating: true, queued: true });
  expect(await row(ids[0] as string)).toMatchObject({ compensating: true, queued: false });
});
