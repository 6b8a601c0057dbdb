// The workers and what an autoscaler reads, over HTTP.

import { expect, test } from 'vitest';
import { wantedWorkers } from '../../src/core/ledger/scaling.ts';
import { registerLiveWorker, setup } from './setup.ts';

const { call, database } = await setup();
await registerLiveWorker(database, ['note']);

test('lists workers with what they do, and tells one to drain, go on or end', async () => {
  const { body } = await call('GET', '/v1/workers');
  expect(body).toMatchObject({
    workers: [{ state: 'running', types: ['note'], active: 0, host: 'test' }],
    nextCursor: null,
  });
  const [{ id }] = body.workers;
  await database.pool.query(
    `insert into tem.event (type, key, payload, state, due_at, due_by, worker_id, locked_at)
     values ('note', 'k', '{}', 'PROCESSING', null, now() + interval '1 minute', $1, now())`,
    [id],
  );
  expect((await call('GET', '/v1/workers')).body.workers).toMatchObject([{ active: 1 }]);
  expect((await call('GET', `/v1/workers/active?worker=${id}`)).body.events).toMatchObject([
    { worker: id, type: 'note', key: 'k', attempt: 1 },
  ]);
  const state = async () => (await call('GET', '/v1/workers')).body.workers[0].state;
  expect((await call('POST', `/v1/workers/${id}/drain`)).status).toBe(202);
  expect(await state()).toBe('draining');
  expect((await call('POST', `/v1/workers/${id}/resume`)).status).toBe(202);
  expect(await state()).toBe('running');
  expect((await call('POST', `/v1/workers/${id}/shutdown`)).status).toBe(202);
  expect(await state()).toBe('stopping');
  await call('POST', `/v1/workers/${id}/resume`);
  expect((await call('POST', '/v1/workers/nobody/drain')).status).toBe(404);
  expect((await call('GET', '/v1/workers/active?worker=nobody')).status).toBe(400);
});

test('says how much waits and how many workers are wanted, by kind and in sum', async () => {
  await call('POST', '/v1/events/batch', {
    events: Array.from({ length: 120 }, () => ({ type: 'note', payload: { user: 'ada' } })),
  });
  const { body } = await call('GET', '/v1/scaling');
  expect(body).toMatchObject({ backlog: 120, wantedWorkers: 1 });
  expect(body.kinds.find(({ kind }: { kind: string }) => kind === 'note')).toMatchObject({
    backlog: 120,
    workers: 1,
    active: 1,
  });
  const one = await call('GET', '/v1/scaling?kind=note');
  expect(one.body).toMatchObject({ backlog: 120, wantedWorkers: 1, kinds: [{ kind: 'note' }] });
  expect(one.body.oldestAgeSeconds).toBeGreaterThan(0);
  expect((await call('GET', '/v1/scaling?kind=nothing')).body).toMatchObject({ backlog: 0, wantedWorkers: 0 });
});

test('wants as many workers as clear the backlog within a minute, no more than the flow lets work, none for nothing', () => {
  const idle = {
    backlog: 0,
    acceptedPerSecond: 0,
    drainPerSecond: 0,
    active: 0,
    workers: 2,
    paused: false,
    flowPerSecond: undefined,
  };
  expect(wantedWorkers(idle)).toBe(0);
  const flood = { ...idle, backlog: 6_000, drainPerSecond: 20, active: 10 };
  expect(wantedWorkers(flood)).toBe(10);
  expect(wantedWorkers({ ...flood, acceptedPerSecond: 20 })).toBe(12);
  expect(wantedWorkers({ ...flood, flowPerSecond: 30 })).toBe(3);
  expect(wantedWorkers({ ...flood, paused: true })).toBe(1);
  expect(wantedWorkers({ ...flood, drainPerSecond: 0, workers: 0 })).toBe(1);
});
