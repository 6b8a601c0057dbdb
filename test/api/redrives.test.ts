// Redrives and batch cancels over HTTP: the set that is frozen, the drip, the canary, and taking it back. A worker's steps
// are taken one by one here; test/workers/redrives.test.ts has the worker.

import { expect, it } from 'vitest';
import { pruneJobs } from '../../src/core/redrive/job.ts';
import { type Places, stepJobs } from '../../src/core/redrive/step.ts';
import { waitFor } from '../support/wait.ts';
import { type ApiUnderTest, setup } from './setup.ts';

async function make({ database }: ApiUnderTest, count: number, state: 'EXTINCT' | 'FAILED', type = 'note') {
  const { rows } = await database.pool.query<{ id: string }>(
    `insert into tem.event (type, key, payload, state, version, retry_count, last_error, begun, due_at, next_retry_at)
     select $1, tem.uuid_v7()::text, '{"user": "u"}', $3, 9, 5, 'order ' || n || ' is gone', true,
       case when $3 = 'FAILED' then now() + interval '1 h' end, case when $3 = 'FAILED' then now() + interval '1 h' end
     from generate_series(1, $2::int) n returning id`,
    [type, count, state],
  );
  // By an update, as every failure.
  await database.pool.query(`update tem.event set last_error = last_error || '!' where type = $1`, [type]);
  // In the order of their turns.
  return rows.map(({ id }) => id).sort();
}

function stepper({ database, call }: ApiUnderTest) {
  const places: Places = new Map();
  const step = () => stepJobs(database.pool, places);
  return {
    step,
    /** Steps until the job is as described. */
    until: (id: string, condition: (job: Record<string, unknown>) => boolean) =>
      waitFor(async () => {
        await step();
        const { body } = await call('GET', `/v1/redrives/${id}`);
        if (!condition(body)) throw new Error(JSON.stringify(body));
        return body;
      }, 20_000),
  };
}

/** As attempts would leave them. */
async function attempt({ database }: ApiUnderTest, ids: readonly string[], to: 'PROCESSED' | 'FAILED' | 'EXTINCT') {
  await database.pool.query(
    `update tem.event set state = $2, version = version + 2, retry_count = retry_count + ($2 <> 'PROCESSED')::int,
       due_at = case when $2 = 'FAILED' then now() + interval '1 h' end, due_by = null where id = any($1::uuid[])`,
    [ids, to],
  );
}

it('takes exactly what matched when it was confirmed, and says of the rest what became of it', async () => {
  const api = await setup();
  const { call } = api;
  await make(api, 12, 'FAILED');
  const extinct = await make(api, 30, 'EXTINCT');
  const filter = { state: 'EXTINCT' };
  expect(await call('POST', '/v1/events/redrive', { filter, dryRun: true })).toMatchObject({
    status: 200,
    body: { matches: 30 },
  });
  const { status, body: job } = await call('POST', '/v1/events/redrive', {
    filter,
    ratePerSecond: 1_000,
    paused: true,
  });
  expect(status).toBe(202);
  expect(job).toMatchObject({ state: 'paused', matches: 30, done: 0, filter, action: 'retry' });
  // 60 that come before the person says yes, and 5 that somebody takes meanwhile.
  const late = await make(api, 60, 'EXTINCT');
  await attempt(api, extinct.slice(0, 3), 'PROCESSED');
  for (const id of extinct.slice(3, 5)) await call('POST', `/v1/events/${id}/retry`);
  const { step, until } = stepper(api);
  await step();
  expect((await call('GET', `/v1/redrives/${job.id}`)).body).toMatchObject({ done: 0 });
  expect(await call('POST', `/v1/redrives/${job.id}/resume`)).toMatchObject({
    status: 200,
    body: { state: 'running' },
  });
  await until(job.id, ({ done }) => done === 30);
  await attempt(api, extinct.slice(5, 25), 'PROCESSED');
  await attempt(api, extinct.slice(25), 'FAILED');
  const done = await until(job.id, ({ state }) => state === 'done');
  expect(done).toMatchObject({
    matches: 30,
    done: 30,
    processed: 20,
    failed: 5,
    skipped: 5,
    skippedBecause: [{ why: 'no longer EXTINCT', count: 5 }],
  });
  const { body: events } = await call('GET', `/v1/redrives/${job.id}/events?outcome=skipped`);
  expect(events.events.map(({ event }: { event: string }) => event).sort()).toEqual(extinct.slice(0, 5).sort());
  const { rows } = await api.database.pool.query(
    `select count(*)::int as n from tem.event where id = any($1::uuid[]) and state = 'EXTINCT'`,
    [late],
  );
  expect(rows).toEqual([{ n: 60 }]);
  const { body: history } = await call('GET', `/v1/events/${extinct[10]}/history`);
  expect(history.transitions.at(-1)).toMatchObject({
    from: 'EXTINCT',
    to: 'QUEUED',
    actor: expect.stringContaining(job.id),
  });
  // What fails and then succeeds after all is counted anew.
  await attempt(api, extinct.slice(25), 'PROCESSED');
  await until(job.id, ({ processed, failed }) => processed === 25 && failed === 0);
  expect((await call('GET', '/v1/redrives')).body.redrives).toMatchObject([{ id: job.id, state: 'done' }]);
  const { rows: audit } = await api.database.pool.query(
    'select action, target, filter, after from tem.audit where target = $1 order by id',
    [job.id],
  );
  expect(audit).toMatchObject([
    { action: 'event.redrive', target: job.id, filter, after: { matches: 30 } },
    { action: 'redrive.resume', target: job.id },
  ]);
});

it('stops after its canary when too many fail again, and goes on when a person says so', async () => {
  const api = await setup();
  const ids = await make(api, 20, 'EXTINCT');
  const { body: job } = await api.call('POST', '/v1/events/redrive', {
    filter: { type: 'note' },
    ratePerSecond: 1_000,
    canary: { count: 4, maxFailedPercent: 25 },
  });
  const { step, until } = stepper(api);
  await until(job.id, ({ done }) => done === 4);
  await step();
  expect((await api.call('GET', `/v1/redrives/${job.id}`)).body).toMatchObject({ done: 4, state: 'running' });
  await attempt(api, ids.slice(0, 2), 'FAILED');
  const stopped = await until(job.id, ({ state }) => state === 'stopped');
  expect(stopped).toMatchObject({ done: 4, failed: 2, reason: expect.stringContaining('2 of 4') });
  expect((await api.call('POST', `/v1/redrives/${job.id}/resume`)).body).toMatchObject({ state: 'running' });
  await attempt(api, ids.slice(2, 4), 'PROCESSED');
  await until(job.id, ({ done }) => done === 20);
  expect((await api.call('POST', `/v1/redrives/${job.id}/resume`)).status).toBe(409);
});

it('goes on after a canary that went well', async () => {
  const api = await setup();
  const ids = await make(api, 10, 'EXTINCT');
  const canary = { count: 2, maxFailedPercent: 50 };
  const { body: job } = await api.call('POST', '/v1/events/redrive', {
    ids,
    ratePerSecond: 1_000,
    canary,
  });
  expect(job).toMatchObject({ filter: { ids: 10 }, canary });
  const { until } = stepper(api);
  await until(job.id, ({ done }) => done === 2);
  await attempt(api, ids.slice(0, 1), 'FAILED');
  await attempt(api, ids.slice(1, 2), 'PROCESSED');
  await until(job.id, ({ done }) => done === 10);
});

it('waits while many of its events wait to begin, so that new ones are not crowded out', async () => {
  const api = await setup();
  const ids = await make(api, 100, 'EXTINCT');
  const { body: job } = await api.call('POST', '/v1/events/redrive', { filter: { type: 'note' }, ratePerSecond: 15 });
  const { step, until } = stepper(api);
  await until(job.id, ({ done }) => Number(done) >= 9);
  for (let turn = 0; turn < 20; turn += 1) await step();
  // Half a second of its rate, and ten at least.
  await until(job.id, ({ done }) => done === 10);
  await attempt(api, ids.slice(0, 10), 'PROCESSED');
  await until(job.id, ({ done, processed }) => done === 20 && processed === 10);
});

it('takes back what has not begun, as it was before', async () => {
  const api = await setup();
  const extinct = await make(api, 6, 'EXTINCT');
  const failed = await make(api, 2, 'FAILED', 'anything');
  await api.database.pool.query(`update tem.event set compensation_error = 'no undo' where id = $1`, [extinct[5]]);
  const rowsOf = async () =>
    (
      await api.database.pool.query(
        `select id, state, retry_count, begun, lane, crash_count, compensation_error, next_retry_at, due_at, fingerprint
         from tem.event order by id`,
      )
    ).rows;
  const before = await rowsOf();
  const { body: job } = await api.call('POST', '/v1/events/redrive', {
    ids: [...extinct, ...failed],
    ratePerSecond: 1_000,
  });
  const { until } = stepper(api);
  await until(job.id, ({ done }) => done === 8);
  await attempt(api, extinct.slice(0, 1), 'PROCESSED');
  const { status, body } = await api.call('POST', `/v1/redrives/${job.id}/undo`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ state: 'cancelled', undone: 7, kept: 1 });
  const after = await rowsOf();
  expect(after.filter(({ id }) => id !== extinct[0])).toEqual(before.filter(({ id }) => id !== extinct[0]));
  const { body: history } = await api.call('GET', `/v1/events/${extinct[1]}/history`);
  expect(history.transitions.at(-1)).toMatchObject({ from: 'QUEUED', to: 'EXTINCT', error: 'the redrive was undone' });
});

it('cancels what matches and has not ended, which can not be undone', async () => {
  const api = await setup();
  const waiting: string[] = [];
  for (let index = 0; index < 5; index += 1)
    waiting.push((await api.call('POST', '/v1/events', { type: 'anything', payload: index })).body.id);
  await make(api, 2, 'EXTINCT', 'anything');
  expect((await api.call('POST', '/v1/events/cancel', { filter: { type: 'anything' }, dryRun: true })).body).toEqual({
    matches: 5,
  });
  const { status, body: job } = await api.call('POST', '/v1/events/cancel', { filter: { type: 'anything' } });
  expect(status).toBe(202);
  await attempt(api, waiting.slice(0, 1), 'PROCESSED');
  const { until } = stepper(api);
  expect(await until(job.id, ({ state }) => state === 'done')).toMatchObject({
    action: 'cancel',
    cancelled: 4,
    skipped: 1,
    skippedBecause: [{ why: 'has ended PROCESSED', count: 1 }],
  });
  expect(await api.call('POST', `/v1/redrives/${job.id}/undo`)).toMatchObject({
    status: 409,
    body: { code: 'not_undoable' },
  });
});

it('forgets a job 30 days after its end, and no other', async () => {
  const api = await setup();
  await make(api, 3, 'EXTINCT');
  const body = { filter: { type: 'note' }, ratePerSecond: 1, paused: true };
  const { body: old } = await api.call('POST', '/v1/events/redrive', body);
  const { body: kept } = await api.call('POST', '/v1/events/redrive', body);
  await api.call('POST', `/v1/redrives/${old.id}/cancel`);
  await api.database.pool.query(`update tem.redrive set ended_at = now() - interval '31 days' where id = $1`, [old.id]);
  expect(await pruneJobs(api.database.pool)).toBe(4);
  expect(await pruneJobs(api.database.pool)).toBe(0);
  expect((await api.call('GET', '/v1/redrives')).body.redrives).toMatchObject([{ id: kept.id }]);
});

it('refuses what names nothing, or what can not be tried again', async () => {
  const api = await setup();
  const redrive = (body: object) => api.call('POST', '/v1/events/redrive', { ratePerSecond: 1, ...body });
  for (const [body, code, path] of [
    [{}, 'empty_filter', '/filter'],
    [{ filter: {} }, 'empty_filter', '/filter'],
    [{ filter: { state: 'PROCESSED' } }, 'invalid_field', '/filter/state'],
    [{ filter: { colour: 'red' } }, 'unknown_field', '/filter/colour'],
    [{ filter: { type: 'note' }, ids: ['01900000-0000-7000-8000-000000000000'] }, 'invalid_field', '/ids'],
    [{ ids: [] }, 'invalid_field', '/ids'],
    [{ filter: { type: 'note' }, ratePerSecond: 0 }, 'invalid_field', '/ratePerSecond'],
    [{ filter: { type: 'note' }, ratePerSecond: undefined }, 'missing_field', '/ratePerSecond'],
  ] as const)
    expect(await redrive(body), JSON.stringify(body)).toMatchObject({ status: 400, body: { code, path } });
  expect((await redrive({ filter: { type: 'note' } })).body).toMatchObject({ matches: 0, state: 'done' });
  const missing = '/v1/redrives/01900000-0000-7000-8000-000000000000';
  expect((await api.call('GET', missing)).status).toBe(404);
  for (const how of ['pause', 'resume', 'cancel', 'undo'])
    expect((await api.call('POST', `${missing}/${how}`)).status).toBe(404);
});
