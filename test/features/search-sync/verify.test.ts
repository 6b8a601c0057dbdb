// Comparison over HTTP.

import { expect, test } from 'vitest';
import { openApi } from './api.ts';
import { describeSearch, setup } from './setup.ts';

const LISTINGS = `create table listings (id integer primary key, title text, price numeric, status text default 'active')`;

describeSearch('verify over HTTP', () => {
  test('compares a large table in parts, each with the sum so far', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings select n, 'listing ' || n from generate_series(1, 3000) n`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    // Nobody works on the queue: what was changed behind TEM's back stays so.
    await pool.query(`set session_replication_role = replica; delete from listings where id = 7;
      update listings set title = 'changed' where id in (8, 2500); insert into listings values (9999, 'new');
      reset session_replication_role`);
    const call = await openApi(scene);
    const verify = async (cursor?: string) =>
      (await call('POST', '/v1/search-sync/verify', { table: 'listings', withinSeconds: 1, ...(cursor && { cursor }) }))
        .body;
    let answer = await verify();
    const named = [...answer.records];
    for (let part = 1; answer.nextCursor !== null && part < 20; part += 1) {
      answer = await verify(answer.nextCursor);
      named.push(...answer.records);
    }
    expect(answer).toMatchObject({ checked: 3000, missing: 1, stale: 2, extra: 1, repaired: 0, nextCursor: null });
    expect(named).toEqual([
      { id: '8', difference: 'stale' },
      { id: '2500', difference: 'stale' },
      { id: '9999', difference: 'missing' },
      { id: '7', difference: 'extra' },
    ]);
    // From the middle of the table, and from the middle of the index.
    const from = (position: object) =>
      verify(
        Buffer.from(
          JSON.stringify({
            indexId: mapping.indices[0]?.id,
            position,
            counts: { checked: 5, missing: 0, stale: 0, extra: 0, repaired: 0 },
          }),
        ).toString('base64url'),
      );
    expect(await from({ phase: 'records', after: ['2400'] })).toMatchObject({ checked: 606, stale: 1, missing: 1 });
    expect(await from({ phase: 'documents', after: 2000 })).toMatchObject({ checked: 5, missing: 0, extra: 0 });
    expect(await verify('nonsense')).toMatchObject({ status: 400, path: '/cursor' });
    const { body } = await call('GET', '/v1/search-sync/mappings/listings');
    expect(body.verification).toMatchObject({ checked: 5 });
    expect(index).toBe(body.index);
  });
});
