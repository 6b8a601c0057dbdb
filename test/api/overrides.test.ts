// Policies that people set in the place of a type's own.

import { expect, it } from 'vitest';
import { setup } from './setup.ts';

it('shows what is set beside what the code says, and returns to that', async () => {
  const { call, database } = await setup();
  const typeOf = async (name: string) =>
    (await call('GET', '/v1/event-types')).body.eventTypes.find((type: { name: string }) => type.name === name);
  expect(await typeOf('note')).toMatchObject({ retry: { maxAttempts: 7, base: '10s' }, override: null, code: null });
  const set = { retry: { maxAttempts: 2, base: '1s' }, timeout: '5s', priority: 1, batch: 50 };
  const { status, body } = await call('PUT', '/v1/event-types/note', set);
  expect(status).toBe(200);
  const inForce = {
    retry: { maxAttempts: 2, base: '1s', cap: '1h', jitter: 0.2 },
    timeout: '5s',
    priority: 1,
    batch: 50,
    override: set,
    code: { retry: { maxAttempts: 7, base: '10s' }, timeout: '30s', priority: null, batch: null },
  };
  expect(body).toMatchObject(inForce);
  await expect.poll(() => typeOf('note'), { timeout: 5_000 }).toMatchObject(inForce);
  const accepted = await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' } });
  expect(accepted.body).toMatchObject({ priority: 1, maxAttempts: 2 });
  expect((await call('POST', '/v1/events', { type: 'note', payload: { user: 'u' }, priority: 4 })).body.priority).toBe(
    4,
  );
  expect((await call('DELETE', '/v1/event-types/note')).status).toBe(204);
  await expect
    .poll(() => typeOf('note'), { timeout: 5_000 })
    .toMatchObject({ retry: { maxAttempts: 7 }, override: null });
  const { rows } = await database.pool.query('select action, target, before, after from tem.audit order by id');
  expect(rows).toMatchObject([
    { action: 'event-type.override', target: 'note', before: null, after: { timeoutMs: 5_000 } },
    { action: 'event-type.reset', target: 'note', before: { timeoutMs: 5_000 } },
  ]);
});

it('refuses what a definition in code may not be, in the same words', async () => {
  const { call } = await setup();
  for (const [body, code, path] of [
    [{ retry: { maxAttempts: 0 } }, 'invalid_field', '/retry/maxAttempts'],
    [{ retry: { base: 'soon' } }, 'invalid_field', '/retry/base'],
    [{ retry: { jitter: 2 } }, 'invalid_field', '/retry/jitter'],
    [{ timeout: 'never' }, 'invalid_field', '/timeout'],
    [{ priority: 9 }, 'invalid_field', '/priority'],
    [{ batch: 1 }, 'invalid_field', '/batch'],
    [{ colour: 1 }, 'unknown_field', '/colour'],
    [{}, 'missing_field', ''],
  ] as const)
    expect(await call('PUT', '/v1/event-types/note', body), JSON.stringify(body)).toMatchObject({
      status: 400,
      body: { code, path },
    });
  expect((await call('PUT', '/v1/event-types/nowhere', { timeout: '5s' })).status).toBe(404);
});
