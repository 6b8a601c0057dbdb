// Types that the API has no code for: a worker's registration says that they are there, and what their payload is.

import { expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type ApiUnderTest, registerLiveWorker, setup } from './setup.ts';

const SCHEMA = {
  $id: 'https://example.org/elsewhere',
  type: 'object',
  required: ['n'],
  properties: { n: { type: 'integer' } },
};

async function setupRegistering() {
  const api = await setup();
  return {
    ...api,
    post: (payload: unknown) => api.call('POST', '/v1/events', { type: 'elsewhere', payload }),
    /** As a worker does it at its start. */
    register: (schema: object, further: object = {}) => register(api, schema, further),
  };
}

async function register({ database, call }: ApiUnderTest, schema: object, further: object): Promise<void> {
  const retry = { maxAttempts: 3, baseMs: 1_000, capMs: 5_000, jitter: 0 };
  await database.pool.query(
    `insert into tem.event_type (name, definition, compensates) values ('elsewhere', $1, false)
     on conflict (name) do update set definition = excluded.definition`,
    [{ name: 'elsewhere', version: 1, schema, retry, ...further }],
  );
  // What is known is up to a second old.
  await waitFor(async () => {
    const { body } = await call('GET', '/v1/event-types');
    const found = body.eventTypes.find(({ name }: { name: string }) => name === 'elsewhere');
    return JSON.stringify(found?.schema ?? null) === JSON.stringify(await stored(database));
  });
}

async function stored({ pool }: ApiUnderTest['database']): Promise<unknown> {
  const { rows } = await pool.query(`select definition -> 'schema' as schema from tem.event_type`);
  return rows[0].schema;
}

it('are checked by what the worker registered', async () => {
  const { post, register, database } = await setupRegistering();
  expect(await post({ n: 1 })).toMatchObject({ status: 400, body: { code: 'unknown_type', path: '/type' } });
  await register(SCHEMA);
  await registerLiveWorker(database, ['elsewhere']);
  expect((await post({ n: 1 })).status).toBe(202);
  expect(await post({ n: 'one' })).toMatchObject({
    status: 400,
    body: { code: 'invalid_payload', path: '/payload/n' },
  });
  const { rows } = await database.pool.query('select distinct source from tem.event');
  expect(rows).toEqual([{ source: 'http, unchecked' }]);
});

it('are accepted while all of their workers are away, and say so', async () => {
  const { post, register } = await setupRegistering();
  await register(SCHEMA);
  expect(await post({ n: 1 })).toMatchObject({
    status: 202,
    body: { state: 'QUEUED', waiting: { reason: 'slots', detail: 'no live worker knows the type elsewhere' } },
  });
  expect(await post({})).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
});

it('are checked by the newest registration, also when it keeps the $id', async () => {
  const { post, register } = await setupRegistering();
  await register(SCHEMA);
  expect((await post({ n: 1 })).status).toBe(202);
  // The same schema in another registration.
  await register(SCHEMA, { version: 2 });
  expect((await post({ n: 2 })).status).toBe(202);
  await register({ ...SCHEMA, required: ['n', 'm'] });
  expect(await post({ n: 3 })).toMatchObject({ status: 400, body: { path: '/payload/m' } });
  expect((await post({ n: 3, m: 1 })).status).toBe(202);
});

it('are accepted unchecked when their schema says nothing to this release', async () => {
  const { post, register } = await setupRegistering();
  await register({ $schema: 'https://example.org/a-dialect-to-come' });
  expect((await post({ n: 1 })).status).toBe(202);
  await register({ $ref: 'nowhere' });
  expect((await post({ n: 2 })).status).toBe(202);
  await register({ allOf: [{ $ref: '#' }] });
  expect((await post({ n: 3 })).status).toBe(202);
});
