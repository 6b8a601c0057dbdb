// How an index is filled: in slices that fit into memory, going on where it was, and around rows that no document can be made
// of.

import { expect, test } from 'vitest';
import { describeSearch, setup } from './setup.ts';

describeSearch('a load', () => {
  test('takes as many documents at once as fit, in order of id, and goes on after the last', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query('create table pages (site text, page integer, body text, primary key (site, page))');
    // Of 2.1 MB each, among small ones: no two of them are read together.
    await pool.query(
      `insert into pages select s, n, repeat('x', case when n % 200 = 50 then 2100000 else 10 end)
        from unnest(array['a:b', 'c\\d', 'e']) s, generate_series(1, 400) n`,
    );
    const mapping = await scene.attach('pages');
    // As if a worker had died after this one.
    await pool.query(`update tem.search_index set cursor = array['a:b', '50'], loaded = 50`);
    await scene.load(mapping);
    const { rows } = await pool.query('select cursor, loaded, state from tem.search_index');
    expect(rows).toEqual([{ cursor: ['e', '400'], loaded: '1200', state: 'live' }]);
    expect(await scene.stored(mapping, 'a\\:b:50')).toBeUndefined();
    expect(await scene.stored(mapping, 'a\\:b:51')).toBeDefined();
    expect(await scene.stored(mapping, 'c\\\\d:50')).toHaveLength(
      2_100_000 + '{"site":"c\\\\d","page":50,"body":""}'.length,
    );
    expect(await scene.compare(mapping)).toMatchObject({ checked: 1_200, missing: 50, stale: 0, extra: 0 });
  });

  test('goes around a row that no document can be made of, which is tried again by itself', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query('create table prices (id integer primary key, price integer)');
    await pool.query('insert into prices select n, n - 700 from generate_series(1, 1500) n');
    const mapping = await scene.attach('prices', { sql: 'select id, 1000 / price as share from prices' });
    await scene.load(mapping);
    const { rows } = await pool.query('select record_id from tem.search_dirty');
    expect(rows).toEqual([{ record_id: '700' }]);
    expect(await scene.stored(mapping, '699')).toBe('{"id":699,"share":-1000}');
    expect(await scene.stored(mapping, '1500')).toBe('{"id":1500,"share":1}');
    expect(await scene.stored(mapping, '700')).toBeUndefined();
  });
});
