// What those who run TEM look at: health, readiness, metrics, documents, and how the API bears a ledger that is away.

import { connect } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { linkDatabase } from '../support/database-link.ts';
import { limitedRole } from '../support/limited-role.ts';
import { waitFor } from '../support/wait.ts';
import { registerLiveWorker, setup } from './setup.ts';

const OPEN = { authorization: '' };

describe('readyz', () => {
  it('says that no worker is on this database, and is ready with one', async () => {
    const { call, database } = await setup();
    expect(await call('GET', '/readyz', undefined, OPEN)).toMatchObject({
      status: 503,
      body: { code: 'not_ready', missing: ['worker'] },
    });
    await registerLiveWorker(database, ['note']);
    await waitFor(async () => (await call('GET', '/readyz', undefined, OPEN)).status === 200);
    expect((await call('GET', '/readyz')).body).toMatchObject({ status: 'ready', missing: [] });
  });

  it('does not count a worker whose lease has ended', async () => {
    const { call, database } = await setup();
    await registerLiveWorker(database, ['note'], -1);
    expect((await call('GET', '/readyz')).body.missing).toEqual(['worker']);
  });

  it('names Temporal with its reason', async () => {
    const checkTemporal = () => Promise.reject(new Error('Temporal has no namespace x'));
    const { call, database } = await setup({ dependencies: { checkTemporal } });
    await registerLiveWorker(database, ['note']);
    expect((await call('GET', '/readyz')).body).toMatchObject({
      missing: ['temporal'],
      details: { temporal: 'Temporal has no namespace x' },
    });
  });

  it('does not wait long for a Temporal that says nothing', async () => {
    const { call } = await setup({ dependencies: { checkTemporal: () => new Promise(() => {}) } });
    expect((await call('GET', '/readyz')).body.missing).toContain('temporal');
  });

  it('names missing migrations', async () => {
    const empty = await createDatabase({ migrated: false });
    const { call } = await setup({ databaseUrl: empty.databaseUrl });
    expect((await call('GET', '/readyz')).body).toMatchObject({
      missing: ['migrations'],
      details: { migrations: expect.stringContaining('tem migrate') },
    });
  });

  it('names the database', async () => {
    const link = await linkDatabase((await createDatabase()).databaseUrl);
    const { call } = await setup({ databaseUrl: link.databaseUrl });
    await link.cut();
    expect(await call('GET', '/readyz')).toMatchObject({ status: 503, body: { missing: ['database'] } });
    expect(await call('GET', '/healthz', undefined, OPEN)).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});

describe('while the ledger is away', () => {
  it.each(['cut', 'freeze'] as const)(
    'every call answers 503 with Retry-After within 2 s, and works after it (%s)',
    async (how) => {
      const link = await linkDatabase((await createDatabase()).databaseUrl);
      const { call } = await setup({ databaseUrl: link.databaseUrl });
      const event = { type: 'note', payload: { user: 'u' }, key: 'k' };
      expect((await call('POST', '/v1/events', event)).status).toBe(202);
      await link[how]();
      // What is known of types answers for a second more.
      if (how === 'cut') await waitFor(async () => (await call('GET', '/v1/event-types')).status === 503);
      const startedAt = performance.now();
      const answers = await Promise.all([
        call('POST', '/v1/events', { ...event, key: 'other' }),
        call('POST', '/v1/events', { ...event, key: undefined }),
        ...(how === 'cut'
          ? [
              call('POST', '/v1/events/batch', { events: [event] }),
              call('GET', '/v1/events'),
              call('GET', '/v1/stats'),
              call('GET', '/v1/event-types'),
              call('POST', '/v1/events', { type: 'nowhere', payload: 1 }),
              call('POST', '/v1/events/01900000-0000-7000-8000-000000000000/retry'),
            ]
          : []),
      ]);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'ledger_unavailable' } });
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
        expect(answer.headers['content-type']).toContain('application/problem+json');
      }
      expect((await call('GET', '/metrics')).body).toContain('tem_ledger_up 0');
      await link.restore();
      await waitFor(async () => (await call('POST', '/v1/events', event)).status === 200);
    },
  );
});

it('answers 503 with Retry-After within 2 s while Postgres has no connection left, and works after it', async () => {
  const limitedUrl = await limitedRole(await createDatabase(), 1);
  const holder = new pg.Client({ connectionString: limitedUrl });
  await holder.connect();
  const { call } = await setup({ databaseUrl: limitedUrl });
  const event = { type: 'note', payload: { user: 'u' } };
  const startedAt = performance.now();
  const answers = await Promise.all([
    call('POST', '/v1/events', event),
    call('POST', '/v1/events/batch', { events: [event] }),
    call('GET', '/v1/events'),
  ]);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'ledger_unavailable' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }
  await holder.end();
  await waitFor(async () => (await call('POST', '/v1/events', event)).status === 202);
});

it('shows figures for Prometheus', async () => {
  const { call } = await setup();
  await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } });
  const { body, headers } = await call('GET', '/metrics', undefined, OPEN);
  expect(headers['content-type']).toContain('text/plain');
  expect(body).toContain('tem_events{type="note",state="QUEUED"} 1');
  expect(body).toContain('tem_http_requests_total{method="POST",route="/v1/events",status="202"} 1');
});

describe('the documents', () => {
  it('describe every call in OpenAPI 3.1, made of the schemas that check', async () => {
    const { call } = await setup();
    const { body } = await call('GET', '/openapi.json', undefined, OPEN);
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths).sort()).toEqual([
      '/console/session',
      '/healthz',
      '/metrics',
      '/readyz',
      '/v1/alerts',
      '/v1/audit',
      '/v1/erasures/{id}',
      '/v1/event-types',
      '/v1/event-types/{type}',
      '/v1/events',
      '/v1/events/batch',
      '/v1/events/cancel',
      '/v1/events/redrive',
      '/v1/events/{id}',
      '/v1/events/{id}/cancel',
      '/v1/events/{id}/emitted',
      '/v1/events/{id}/history',
      '/v1/events/{id}/payload',
      '/v1/events/{id}/retry',
      '/v1/failures',
      '/v1/failures/{fingerprint}',
      '/v1/flows',
      '/v1/flows/{type}',
      '/v1/flows/{type}/{group}',
      '/v1/keys',
      '/v1/keys/{id}',
      '/v1/keys/{id}/rotate',
      '/v1/redrives',
      '/v1/redrives/{id}',
      '/v1/redrives/{id}/cancel',
      '/v1/redrives/{id}/events',
      '/v1/redrives/{id}/pause',
      '/v1/redrives/{id}/resume',
      '/v1/redrives/{id}/undo',
      '/v1/scaling',
      '/v1/schedules',
      '/v1/schedules/preview',
      '/v1/schedules/{id}',
      '/v1/schedules/{id}/backfill',
      '/v1/schedules/{id}/history',
      '/v1/schedules/{id}/pause',
      '/v1/schedules/{id}/resume',
      '/v1/schedules/{id}/runs',
      '/v1/schedules/{id}/trigger',
      '/v1/stats',
      '/v1/subjects/{subject}',
      '/v1/workers',
      '/v1/workers/active',
      '/v1/workers/{id}/drain',
      '/v1/workers/{id}/resume',
      '/v1/workers/{id}/shutdown',
    ]);
    const post = body.paths['/v1/events'].post;
    expect(post.requestBody.content['application/json'].schema).toMatchObject({
      additionalProperties: false,
      required: ['type', 'payload'],
    });
    expect(Object.keys(post.responses)).toEqual(['200', '202', '400', '401', '409', '413', '415', '503']);
    expect(post.responses[409].content).toHaveProperty(['application/problem+json']);
  });

  it('agree with what is answered', async () => {
    const { call } = await setup();
    const { body: document } = await call('GET', '/openapi.json');
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const { body: event } = await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } });
    for (const [path, url] of [
      ['/v1/events', '/v1/events'],
      ['/v1/events/{id}', `/v1/events/${event.id}`],
      ['/v1/events/{id}/history', `/v1/events/${event.id}/history`],
      ['/v1/stats', '/v1/stats'],
      ['/v1/event-types', '/v1/event-types'],
      ['/healthz', '/healthz'],
    ] as const) {
      const { status, body } = await call('GET', url);
      const schema = document.paths[path].get.responses[status].content['application/json'].schema;
      expect(ajv.validate(schema, body), `${path}: ${ajv.errorsText()}`).toBe(true);
    }
  });

  it('come with a page that fetches nothing from elsewhere', async () => {
    const { call } = await setup();
    const page = await call('GET', '/docs/', undefined, OPEN);
    expect(page.status).toBe(200);
    expect(page.body).not.toMatch(/(src|href)="https?:/);
    for (const [, asset] of page.body.matchAll(/(?:src|href)="\.?\/?([^"]+)"/g)) {
      const url = asset.startsWith('docs/') ? `/${asset}` : `/docs/${asset}`;
      expect((await call('GET', url, undefined, OPEN)).status, url).toBe(200);
    }
  });
});

it('answers what is no HTTP with a problem', async () => {
  const { app } = await setup();
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => socket.write('NONSENSE\r\n\r\n'));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
  expect(answer).toContain('HTTP/1.1 400 Bad Request');
  expect(answer).toContain('"code":"bad_request"');
});
