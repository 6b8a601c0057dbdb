// The line from a write to a document: triggers, queue, processor, index.

import { expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, setup } from './setup.ts';

const LISTINGS = `create table listings (id bigint primary key, title text not null, price numeric, attrs jsonb, big bigint,
  ratio float8, status text not null default 'active')`;

describeSearch('a mapped table', () => {
  test('is mirrored: rows before the mapping, then inserts, updates and deletes', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings (id, title, price) values (1, 'before', 1299.90)`);
    const mapping = await scene.attach('listings');
    await scene.startProcessor();
    await scene.load(mapping);
    expect(await scene.stored(mapping, '1')).toContain('"title":"before","price":1299.90');
    await pool.query(`insert into listings (id, title) values (2, 'two'), (3, 'three')`);
    await pool.query(`update listings set title = 'changed' where id = 2`);
    await pool.query('delete from listings where id in (1, 3)');
    await waitFor(async () => (await scene.stored(mapping, '2'))?.includes('changed'));
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toBeUndefined();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 1, missing: 0, stale: 0, extra: 0 });
    const { rows } = await pool.query(
      'select operation, record_id, change_data, status from elasticsearch_sync_queue order by id',
    );
    expect(rows.map(({ operation, record_id }) => `${operation} ${record_id}`)).toEqual([
      'INSERT 2',
      'INSERT 3',
      'UPDATE 2',
      'DELETE 1',
      'DELETE 3',
    ]);
    expect(rows[2].change_data).toMatchObject({ old: { title: 'two' }, new: { title: 'changed' } });
    expect(rows[0].change_data).toMatchObject({ id: 2, title: 'two' });
    expect(rows.every(({ status }) => status === 'completed')).toBe(true);
  });

  test('Y11: keeps every digit, and a filter finds what it should', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.startProcessor();
    await pool.query(
      `insert into listings (id, title, price, big, ratio) values
        (1, 'a', 0.637, 1524753829371840599, 0.1), (2, 'b', 1299.90, 9007199254740993, 0.1), (3, 'c', 0.0000283, -1, 1e21)`,
    );
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toContain(
      '"price":0.637,"attrs":null,"big":1524753829371840599,"ratio":0.1',
    );
    expect(await scene.stored(mapping, '2')).toContain('"price":1299.90,"attrs":null,"big":9007199254740993');
    expect(await scene.stored(mapping, '3')).toContain('"price":0.0000283');
    expect(await scene.compare(mapping)).toMatchObject({ checked: 3, missing: 0, stale: 0, extra: 0 });
    const found = await scene.search(`${scene.index}/_search?filter_path=hits.hits._id`, {
      query: { range: { price: { lt: 0.637 } } },
    });
    expect(found).toEqual({ hits: { hits: [{ _id: '3' }] } });
  });

  test('holds what meets the condition: a draft is not in it, a row that becomes active is', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings', { where: "status = 'active'" });
    await scene.startProcessor();
    await pool.query(`insert into listings (id, title, status) values (1, 'draft', 'draft'), (2, 'live', 'active')`);
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toBeUndefined();
    expect(await scene.stored(mapping, '2')).toBeDefined();
    await pool.query(`update listings set status = case id when 1 then 'active' else 'sold' end`);
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toContain('draft');
    expect(await scene.stored(mapping, '2')).toBeUndefined();
    await pool.query(`update listings set title = 'still sold' where id = 2`);
    await scene.drained();
    const { rows } = await pool.query('select operation, record_id from elasticsearch_sync_queue order by id');
    // What neither was nor is to be found leaves no row.
    expect(rows.map(({ operation, record_id }) => `${operation} ${record_id}`)).toEqual([
      'INSERT 2',
      'UPDATE 1',
      'UPDATE 2',
    ]);
  });
});
