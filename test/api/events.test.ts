// Reading events over HTTP, and a person's retry and cancel.

import { describe, expect, it } from 'vitest';
import { features } from '../../src/features.ts';
import { type ApiUnderTest, registerLiveWorker, setup } from './setup.ts';

async function post(api: ApiUnderTest, body: object = {}): Promise<string> {
  const { body: event } = await api.call('POST', '/v1/events', { type: 'note', payload: { user: 'u' }, ...body });
  return event.id;
}
/** As an attempt that failed leaves it, with its next one in an hour. */
async function fail({ database }: ApiUnderTest, id: string, state: 'FAILED' | 'EXTINCT'): Promise<void> {
  await database.pool.query(
    `update tem.event set state = $2, version = 2, retry_count = 1, last_error = 'boom', begun = true, max_attempts = 3,
       next_retry_at = case when $2 = 'FAILED' then now() + interval '1 h' end, due_at = case when $2 = 'FAILED' then now() + interval '1 h' end
     where id = $1`,
    [id, state],
  );
}

describe('GET /v1/events', () => {
  it('pages by an opaque cursor to the last event', async () => {
    const api = await setup();
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) ids.push(await post(api));
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { status, body } = await api.call('GET', `/v1/events?limit=3${cursor && `&cursor=${cursor}`}`);
      expect(status).toBe(200);
      seen.push(...body.events.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(ids.toReversed());
  });

  it('gives 50 by default', async () => {
    const api = await setup();
    await api.call('POST', '/v1/events/batch', {
      events: Array.from({ length: 60 }, () => ({ type: 'anything', payload: 1 })),
    });
    const { body } = await api.call('GET', '/v1/events');
    expect(body.events).toHaveLength(50);
    expect(body.nextCursor).toMatch(/^[\w-]+$/);
    expect((await api.call('GET', '/v1/events?limit=1000')).body.events).toHaveLength(60);
  });

  it('filters by what the query says', async () => {
    const api = await setup();
    const failed = await post(api, { key: 'one', group: 'g' });
    await post(api, { key: 'two' });
    await fail(api, failed, 'FAILED');
    for (const query of [
      'state=FAILED',
      'state=FAILED,EXTINCT',
      'group=g',
      'key=one',
      'type=note&q=BOOM',
      'q=one&from=2020-01-01T00:00:00%2B02:00',
    ]) {
      const { body } = await api.call('GET', `/v1/events?${query}`);
      expect(
        body.events.map(({ id }: { id: string }) => id),
        query,
      ).toEqual([failed]);
    }
    expect((await api.call('GET', '/v1/events?type=anything')).body).toEqual({ events: [], nextCursor: null });
  });
});

describe('GET /v1/events/{id}', () => {
  it('says why an event waits', async () => {
    const api = await setup();
    const id = await post(api);
    const waiting = async () => (await api.call('GET', `/v1/events/${id.toUpperCase()}`)).body.waiting;
    expect(await waiting()).toEqual({ reason: 'slots', detail: 'no live worker knows the type note' });
    await registerLiveWorker(api.database, ['note']);
    await expect
      .poll(waiting, { timeout: 10_000 })
      .toEqual({ reason: 'slots', detail: 'is due and waits for a free slot' });
    await fail(api, id, 'FAILED');
    const { body } = await api.call('GET', `/v1/events/${id}`);
    expect(body).toMatchObject({
      state: 'FAILED',
      retryCount: 1,
      maxAttempts: 3,
      lastError: 'boom',
      waiting: { reason: 'due', until: body.nextRetryAt },
    });
    await fail(api, id, 'EXTINCT');
    expect(await waiting()).toBeUndefined();
  });
});

describe('retry and cancel', () => {
  it('retries a FAILED event now, and revives an EXTINCT one', async () => {
    const api = await setup();
    const id = await post(api);
    const retry = () => api.call('POST', `/v1/events/${id}/retry`);
    expect(await retry()).toMatchObject({ status: 409, body: { code: 'state_conflict', state: 'QUEUED' } });
    await fail(api, id, 'FAILED');
    expect(await retry()).toMatchObject({ status: 202, body: { id, state: 'FAILED', retryCount: 1 } });
    const { rows } = await api.database.pool.query('select due_at <= clock_timestamp() as due from tem.event');
    expect(rows).toEqual([{ due: true }]);
    await fail(api, id, 'EXTINCT');
    await api.database.pool.query('delete from tem.transition');
    expect(await retry()).toMatchObject({ status: 202, body: { id, state: 'QUEUED', retryCount: 0 } });
    const { body } = await api.call('GET', `/v1/events/${id}/history`);
    expect(body.transitions).toMatchObject([
      { from: null, to: 'QUEUED', actor: 'http' },
      { from: 'EXTINCT', to: 'QUEUED', actor: 'key settings' },
    ]);
  });

  it('says why an event that may be retried by its state is not', async () => {
    const api = await setup();
    const id = await post(api);
    const retry = async () => (await api.call('POST', `/v1/events/${id}/retry`)).body;
    expect((await retry()).detail).toBe('only a FAILED or EXTINCT event can be retried; this one is QUEUED');
    await fail(api, id, 'FAILED');
    await api.database.pool.query('update tem.event set compensating = true, next_retry_at = null');
    expect(await retry()).toMatchObject({
      code: 'state_conflict',
      state: 'FAILED',
      detail: 'the compensation of the event has not ended; when it has, an EXTINCT event can be retried',
    });
    await fail(api, id, 'EXTINCT');
    await api.database.pool.query('update tem.event set compensating = false, pruned = true');
    expect(await retry()).toMatchObject({
      code: 'state_conflict',
      state: 'EXTINCT',
      detail: 'the event is EXTINCT, and its payload is gone after the retention time',
    });
  });

  it('cancels a waiting event once', async () => {
    const api = await setup();
    const id = await post(api);
    expect(await api.call('POST', `/v1/events/${id}/cancel`)).toMatchObject({
      status: 202,
      body: { state: 'CANCELLED' },
    });
    expect(await api.call('POST', `/v1/events/${id}/cancel`, {})).toMatchObject({
      status: 409,
      body: { code: 'state_conflict', state: 'CANCELLED' },
    });
    expect(await api.call('POST', `/v1/events/${id}/retry`)).toMatchObject({ status: 409 });
  });
});

it('a field of the query that a call does not know is refused, by every call without a body', async () => {
  const { call } = await setup();
  const { paths } = (await call('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, { requestBody?: object }>>;
  };
  const withoutBody = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { requestBody }]) => requestBody === undefined)
      .map(([method]) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, () => crypto.randomUUID())]),
  );
  expect(withoutBody.length).toBeGreaterThanOrEqual(25);
  for (const [method, path] of [...withoutBody, ['GET', '/openapi.json']]) {
    const answer = await call(method as 'GET', `${path}?colour=red`);
    expect([path, answer.status, answer.body.code, answer.body.path]).toEqual([path, 400, 'invalid_query', '/colour']);
  }
});

it('every call that takes a body checks it: its schema is one', async () => {
  const { call } = await setup({ dependencies: { features } });
  const { paths } = (await call('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, { requestBody?: object }>>;
  };
  const withBody = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { requestBody }]) => requestBody !== undefined)
      .map(([method]) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'none')]),
  );
  expect(withBody.length).toBeGreaterThanOrEqual(10);
  for (const [method, path] of withBody) {
    const { status } = await call(method as 'POST', `${path}?colour=red`, 'no object');
    expect([path, status]).toEqual([path, 400]);
  }
});

describe('GET /v1/event-types and /v1/stats', () => {
  it('lists what the API or a worker knows', async () => {
    const api = await setup();
    await registerLiveWorker(api.database, ['note', 'elsewhere']);
    const { body } = await api.call('GET', '/v1/event-types');
    const byName = Object.fromEntries(body.eventTypes.map((type: { name: string }) => [type.name, type]));
    expect(Object.keys(byName)).toEqual(['anything', 'discreet', 'elsewhere', 'note']);
    expect(byName.note).toMatchObject({
      retry: { maxAttempts: 7, base: '10s', cap: '1h', jitter: 0.2 },
      timeout: '30s',
      schema: { type: 'object', required: ['user'] },
      workers: 1,
    });
    expect(byName.elsewhere).toMatchObject({ schema: null, workers: 1 });
    expect(byName.anything).toMatchObject({ workers: 0 });
    expect(body.nextCursor).toBeNull();
  });

  it('counts', async () => {
    const api = await setup();
    await post(api);
    expect((await api.call('GET', '/v1/stats')).body).toMatchObject({
      states: { QUEUED: 1 },
      types: { note: { QUEUED: 1 } },
      workers: { alive: 0 },
    });
  });
});
