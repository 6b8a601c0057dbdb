// Stale writers, at the ledger itself: whatever an old attempt, run or claim reports after a newer one began changes nothing.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { type Begun, begin } from '../../src/core/ledger/begin.ts';
import { type Claimed, claim, unclaim } from '../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../src/core/ledger/discover.ts';
import { free } from '../../src/core/ledger/free.ts';
import { registerWorker } from '../../src/core/ledger/leases.ts';
import { type Mark, mark, marks } from '../../src/core/ledger/mark.ts';
import { retryEvent } from '../../src/core/ledger/retry.ts';
import { beginSettling } from '../../src/core/ledger/settle.ts';
import { createDatabase } from '../support/database.ts';

const POLICY = { maxAttempts: 5, dueByMs: 60_000 };

async function setup() {
  const { pool } = await createDatabase();
  const [older, newer] = [randomUUID(), randomUUID()] as [string, string];
  for (const id of [older, newer])
    await registerWorker(pool, { id, host: 'test', pid: 1, taskQueue: 'test', types: [] });
  const [accepted] = await acceptEvents(pool, [{ type: 'work', payload: {}, source: 'http' }]);
  const id = accepted?.id as string;
  const take = async (workerId: string): Promise<Claimed> => {
    const [taken] = await claim(pool, {
      workerId,
      lanes: (await discoverLanes(pool, ['work'], 10)).lanes,
      take: 1,
      workflowId: undefined,
    });
    return taken as Claimed;
  };
  const start = async (workerId: string, { generation, retryCount }: Pick<Claimed, 'generation' | 'retryCount'>) =>
    (await begin(pool, workerId, [{ id, generation, attempt: retryCount + 1, ...POLICY }]))[0];
  const row = async () => (await pool.query('select * from tem.event where id = $1', [id])).rows[0];
  return { pool, id, older, newer, take, start, row };
}

const attempt = (begun: unknown, actor: string) => ({ id: (begun as Begun).id, epoch: (begun as Begun).epoch, actor });
const everyMark = (begun: unknown): Mark[] => {
  const by = attempt(begun, 'older');
  return [
    marks.processed(by, '"old"'),
    marks.retry(by, 'old', 1, false),
    marks.retry(by, 'old', 1, true),
    marks.settle(by, 'old', true, false),
    marks.end(by, 'EXTINCT', 'old', true),
    marks.end(by, 'CANCELLED', 'old', false),
    marks.release(by),
    marks.settled(by, 'EXTINCT', 'old'),
  ];
};

test('an old attempt that reports while a newer one runs, and after it ended, changes nothing', async () => {
  const { pool, id, older, newer, take, start, row } = await setup();
  const first = await take(older);
  const old = await start(older, first);
  await pool.query('update tem.worker set lease_until = clock_timestamp() where id = $1', [older]);
  await free(pool, [{ id, generation: first.generation }]);
  const current = await start(newer, await take(newer));
  const whileRunning = await row();
  for (const each of everyMark(old)) expect(await mark(pool, [each])).toEqual([false]);
  expect(await row()).toEqual(whileRunning);

  expect(await mark(pool, [marks.processed(attempt(current, 'newer'), '"new"')])).toEqual([true]);
  const ended = await row();
  expect(ended).toMatchObject({ state: 'PROCESSED', result: 'new' });
  for (const each of [...everyMark(old), ...everyMark(current)]) expect(await mark(pool, [each])).toEqual([false]);
  expect(await row()).toEqual(ended);
});

test('an old run can neither begin nor settle what a newer one has, and an old claim can not give it back', async () => {
  const { pool, id, older, newer, take, start, row } = await setup();
  const first = await take(older);
  await free(pool, [first]);
  const second = await take(newer);
  expect(await start(older, first)).toEqual({ disposition: 'stale' });
  await unclaim(pool, [first], 0);
  await free(pool, [first]);
  expect((await row()).generation).toBe(second.generation);
  expect(await start(newer, second)).toMatchObject({ disposition: 'run' });
  const before = await row();
  const settling = {
    id,
    generation: first.generation,
    workerId: older,
    maxAttempts: 5,
    dueByMs: 1_000,
    compensates: false,
  };
  expect(await beginSettling(pool, settling)).toMatchObject({ disposition: 'stale' });
  await unclaim(pool, [second], 0);
  expect(await row()).toEqual(before);
});

test('an old attempt that reports after a revival finds nothing to write', async () => {
  const { pool, id, older, newer, take, start, row } = await setup();
  const old = await start(older, await take(older));
  await mark(pool, [marks.end(attempt(old, 'older'), 'EXTINCT', 'gave up', true)]);
  expect(await retryEvent(pool, id, 'a person')).toMatchObject({ outcome: 'done', state: 'QUEUED' });
  const revived = await row();
  for (const each of everyMark(old)) expect(await mark(pool, [each])).toEqual([false]);
  expect(await row()).toEqual(revived);
  const current = await start(newer, await take(newer));
  for (const each of everyMark(old)) expect(await mark(pool, [each])).toEqual([false]);
  expect(await mark(pool, [marks.processed(attempt(current, 'newer'), null)])).toEqual([true]);
});
