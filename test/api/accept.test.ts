// POST /v1/events and /v1/events/batch: what a 202 means, and what is a repeat.

import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { registerLiveWorker, setup } from './setup.ts';

const count = async (api: Awaited<ReturnType<typeof setup>>): Promise<number> =>
  (await api.database.pool.query('select count(*)::int as n from tem.event')).rows[0].n;

describe('POST /v1/events', () => {
  it('answers 202 with the event and its place', async () => {
    const { call, database } = await setup();
    const runAt = '2040-01-02T03:04:05.678Z';
    const { status, body, headers } = await call('POST', '/v1/events', {
      type: 'note',
      payload: { user: 'u' },
      key: 'a b:ü',
      priority: 1,
      group: 'g',
      runAt,
    });
    expect(status).toBe(202);
    expect(headers.location).toBe(`/v1/events/${body.id}`);
    expect(body).toMatchObject({
      type: 'note',
      key: 'a b:ü',
      payload: { user: 'u' },
      priority: 1,
      group: 'g',
      runAt,
      state: 'QUEUED',
      retryCount: 0,
      maxAttempts: 7,
      lastError: null,
      nextRetryAt: null,
      lockedAt: null,
      result: null,
      processedAt: null,
      workflowId: 'note:a%20b%3A%C3%BC',
      waiting: { reason: 'due', until: runAt },
    });
    expect(body.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect((await call('GET', headers.location as string)).body).toEqual(body);
    const { rows } = await database.pool.query('select source, due_at from tem.event');
    expect(rows).toEqual([{ source: 'http', due_at: new Date(runAt) }]);
  });

  it('uses the id as the key when none is given', async () => {
    const { call } = await setup();
    const { body } = await call('POST', '/v1/events', { type: 'anything', payload: null });
    expect(body).toMatchObject({
      key: body.id,
      payload: null,
      group: null,
      priority: 3,
      workflowId: `anything:${body.id}`,
    });
  });

  it('answers 200 with the event that is there for the same key and payload, whatever else differs', async () => {
    const api = await setup();
    const first = await api.call('POST', '/v1/events', { type: 'note', payload: { user: 'u', text: 't' }, key: 'k' });
    const again = await api.call('POST', '/v1/events', {
      type: 'note',
      payload: { text: 't', user: 'u' },
      key: 'k',
      priority: 1,
      group: 'other',
    });
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
    expect(await count(api)).toBe(1);
    expect(
      (await api.call('POST', '/v1/events', { type: 'anything', payload: { user: 'u', text: 't' }, key: 'k' })).status,
    ).toBe(202);
  });

  it('answers 409 for the same key with another payload', async () => {
    const api = await setup();
    const first = await api.call('POST', '/v1/events', { type: 'note', payload: { user: 'u' }, key: 'k' });
    const { status, body } = await api.call('POST', '/v1/events', { type: 'note', payload: { user: 'v' }, key: 'k' });
    expect([status, body.code, body.id]).toEqual([409, 'key_conflict', first.body.id]);
    expect(await count(api)).toBe(1);
  });

  it('makes one event of fifty posts at once with the same key', async () => {
    const api = await setup();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        api.call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } }, { 'idempotency-key': 'once' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(49);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await count(api)).toBe(1);
  });

  it('takes the key from the header Idempotency-Key, and refuses two that differ', async () => {
    const { call } = await setup();
    const post = (body: object, header: string) =>
      call('POST', '/v1/events', { type: 'note', payload: { user: 'u' }, ...body }, { 'idempotency-key': header });
    expect((await post({}, 'k')).body.key).toBe('k');
    expect((await post({ key: 'k' }, 'k')).status).toBe(200);
    expect(await post({ key: 'l' }, 'k')).toMatchObject({ status: 400, body: { code: 'key_mismatch', path: '/key' } });
    expect(await post({}, '')).toMatchObject({ status: 400, body: { path: '/key' } });
    expect(await post({}, 'x'.repeat(513))).toMatchObject({ status: 400, body: { path: '/key' } });
    expect((await post({}, Buffer.from('schlüssel').toString('latin1'))).body.key).toBe('schlüssel');
  });

  it('refuses a key in the header that is no UTF-8, which would make one of two', async () => {
    const { call } = await setup();
    for (const key of ['caf\xe9', 'caf\xe8']) {
      const answer = await call('POST', '/v1/events', { type: 'anything', payload: 1 }, { 'idempotency-key': key });
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_field', path: '/key' } });
    }
  });

  it('says what it waits for by what is known of workers now, or not at all', async () => {
    const { call, database } = await setup();
    const post = async () => (await call('POST', '/v1/events', { type: 'anything', payload: 1 })).body;
    // The first call of an API that has looked at no worker yet.
    await registerLiveWorker(database, ['anything']);
    expect((await post()).waiting).toEqual({ reason: 'slots', detail: 'is due and waits for a free slot' });

    const blind = await setup();
    const locking = await blind.database.pool.connect();
    await locking.query('begin; lock table tem.worker');
    const event = (await blind.call('POST', '/v1/events', { type: 'anything', payload: 1 })).body;
    expect(event).toMatchObject({ state: 'QUEUED' });
    expect(event).not.toHaveProperty('waiting');
    await locking.query('rollback');
    locking.release();
  });

  it('never shows secret fields or a private key in the workflow id', async () => {
    const { call } = await setup();
    const { body } = await call('POST', '/v1/events', { type: 'note', payload: { user: 'u', pin: '1234' } });
    expect(body.payload).toEqual({ user: 'u', pin: '[secret]' });
    for (const path of [`/v1/events/${body.id}`, '/v1/events'])
      expect(JSON.stringify((await call('GET', path)).body)).not.toContain('1234');
    const discreet = await call('POST', '/v1/events', { type: 'discreet', payload: 1, key: 'ada@example.org' });
    expect(discreet.body.workflowId).toMatch(/^discreet:sha256:[0-9a-f]{64}$/);
  });

  it('writes no line for a request at info', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const { call } = await setup({ dependencies: { log } });
    await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } });
    await call('POST', '/v1/events', { type: 'note', payload: {} });
    await call('GET', '/nowhere');
    expect(lines).toEqual([]);
  });
});

describe('POST /v1/events/batch', () => {
  it('accepts the good, counts the repeated, and rejects each wrong one with its index', async () => {
    const api = await setup();
    await api.call('POST', '/v1/events', { type: 'note', payload: { user: 'u' }, key: 'there' });
    const { status, body } = await api.send(
      '/v1/events/batch',
      `{"events":[
        {"type":"note","payload":{"user":"u"},"key":"new"},
        {"type":"note","payload":{"user":"u"},"key":"there"},
        {"type":"note","payload":{"user":"v"},"key":"there"},
        {"type":"note","payload":{"user":"u"},"key":"new"},
        {"type":"note","payload":{"user":"v"},"key":"new"},
        {"type":"anything","payload":1e400},
        {"type":"anything","payload":"\\ud800"},
        {"type":"anything","payload":{"x":"\\u0000"}},
        {"type":"anything","payload":{"__proto__":{"x":1}}},
        {"type":"anything","payload":${'['.repeat(70)}${']'.repeat(70)}},
        {"type":"anything","payload":${'['.repeat(62)}${']'.repeat(62)}},
        {"type":"anything"},
        {"type":"anything","payload":1,"colour":"red"},
        {"type":"anything","payload":1,"priority":"1"},
        {"type":"anything","payload":1,"key":"${'ü'.repeat(300)}"},
        {"type":"nowhere","payload":1},
        {"type":"note","payload":{"user":7}},
        {"type":"note","payload":{"user":"nobody"}},
        null,
        [],
        {"type":"anything","payload":1,"runAt":"0000-01-01T00:00:00Z"}
      ]}`,
    );
    expect(status).toBe(202);
    expect(body.accepted).toBe(2);
    expect(body.duplicates).toBe(2);
    expect(
      body.rejected.map(({ index, code, path }: { index: number; code: string; path: string }) => [index, code, path]),
    ).toEqual([
      [2, 'key_conflict', '/events/2/key'],
      [4, 'key_conflict', '/events/4/key'],
      [5, 'number_not_exact', '/events/5/payload'],
      [6, 'lone_surrogate', '/events/6/payload'],
      [7, 'nul_character', '/events/7/payload/x'],
      [8, 'prototype_key', '/events/8/payload/__proto__'],
      [9, 'too_deep', `/events/9/payload${'/0'.repeat(63)}`],
      [11, 'missing_field', '/events/11/payload'],
      [12, 'unknown_field', '/events/12/colour'],
      [13, 'invalid_field', '/events/13/priority'],
      [14, 'invalid_field', '/events/14/key'],
      [15, 'unknown_type', '/events/15/type'],
      [16, 'invalid_payload', '/events/16/payload/user'],
      [17, 'invalid_payload', '/events/17/payload/user'],
      [18, 'invalid_field', '/events/18'],
      [19, 'invalid_field', '/events/19'],
      [20, 'invalid_field', '/events/20/runAt'],
    ]);
    expect(body.ids.map((id: string | null) => id !== null)).toEqual(
      Array.from({ length: 21 }, (_, index) => [0, 1, 3, 10].includes(index)),
    );
    expect(body.ids[3]).toBe(body.ids[0]);
    expect(await count(api)).toBe(3);
  });

  it('takes 10,000 events in one call, and no more', async () => {
    const api = await setup();
    const events = Array.from({ length: 10_000 }, (_, index) => ({
      type: 'note',
      payload: { user: 'u', text: `text ${index}` },
    }));
    const { status, body } = await api.call('POST', '/v1/events/batch', { events });
    expect([status, body.accepted, body.ids.length]).toEqual([202, 10_000, 10_000]);
    expect(await count(api)).toBe(10_000);
    const tooMany = await api.call('POST', '/v1/events/batch', { events: [...events, events[0]] });
    expect(tooMany).toMatchObject({ status: 400, body: { path: '/events' } });
    expect(await api.call('POST', '/v1/events/batch', { events: [] })).toMatchObject({
      status: 400,
      body: { path: '/events' },
    });
  });

  it('answers 202 also when every event is rejected', async () => {
    const { call } = await setup();
    expect(await call('POST', '/v1/events/batch', { events: [{}] })).toMatchObject({
      status: 202,
      body: { accepted: 0, duplicates: 0, ids: [null] },
    });
  });
});
