// What a key that is confined to some events may redrive, and what it sees of failures.

import { expect, it } from 'vitest';
import { hashOf } from '../../src/core/access/keys.ts';
import { waitFor } from '../support/wait.ts';
import { setup } from './setup.ts';

it('keeps to what a key may reach', async () => {
  const api = await setup();
  for (const [type, count] of [
    ['note', 2],
    ['anything', 1],
  ])
    await api.database.pool.query(
      `insert into tem.event (type, key, payload, state, due_at)
       select $1, n::text, '{"user": "u"}', 'EXTINCT', null from generate_series(1, $2::int) n`,
      [type, count],
    );
  await api.database.pool.query(`update tem.event set last_error = 'order ' || key || ' is gone'`);
  const key = 'a-key-for-notes-only';
  await api.database.pool.query(
    `insert into tem.api_key (id, name, role, types, payloads, key_hash, created_by)
     values (gen_random_uuid(), 'notes', 'operator', '{note}', false, $1, 'test')`,
    [hashOf(key)],
  );
  const as = { authorization: `Bearer ${key}` };
  const redrive = (body: object) => api.call('POST', '/v1/events/redrive', { dryRun: true, ...body }, as);
  await waitFor(async () => (await redrive({ filter: { type: 'note' } })).status === 200);
  expect((await redrive({ filter: { type: 'note' } })).body).toEqual({ matches: 2 });
  for (const body of [
    { filter: { type: 'anything' } },
    { filter: { state: 'EXTINCT' } },
    { filter: { type: 'note', q: 'gone' } },
    { filter: { type: 'note', payload: 'user:u' } },
    { ids: ['01900000-0000-7000-8000-000000000000'] },
  ])
    expect(await redrive(body), JSON.stringify(body)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  const { body } = await api.call('GET', '/v1/failures', undefined, as);
  expect(body.failures).toMatchObject([{ type: 'note', count: 2, error: '', pattern: '' }]);
  expect((await api.call('DELETE', '/v1/subjects/u', undefined, as)).status).toBe(403);
});
