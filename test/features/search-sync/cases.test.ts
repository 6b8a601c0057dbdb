// Trouble that people reported of mirrors like this one (cases.md, Y1 to Y11).

import { expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, setup } from './setup.ts';

const LISTINGS = `create table listings (id integer primary key, title text, price numeric, attrs jsonb, tags text[])`;

describeSearch('known trouble', () => {
  test('Y1: a change that commits late with a smaller id is not passed over; crossed changes of one record end as the row is', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings (id, title) values (17, 'old'), (18, 'old')`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    const late = await pool.connect();
    await late.query('begin');
    await late.query(`update listings set title = 'late' where id = 17`);
    await pool.query(`update listings set title = 'early' where id = 18`);
    await waitFor(async () => (await scene.stored(mapping, '18'))?.includes('early'));
    await late.query('commit');
    late.release();
    await waitFor(async () => (await scene.stored(mapping, '17'))?.includes('late'), 5_000);
    // A hole, and two transactions that change one record one after the other in the other order of their ids.
    await pool.query(`begin; update listings set title = 'undone' where id = 18; rollback`);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => pool.query('update listings set price = $1 where id = 17', [n])),
    );
    await scene.drained();
    const { rows } = await pool.query('select row_to_json(l)::text as json from listings l order by id');
    expect(await scene.stored(mapping, '17')).toBe(rows[0].json);
    expect(await scene.stored(mapping, '18')).toBe(rows[1].json);
  });

  test('Y5: a child that moves, a renamed parent and a removed link rebuild the documents of both sides', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`create table categories (id integer primary key, name text);
      create table listings (id integer primary key, category_id integer, title text);
      create table reviews (id integer primary key, listing_id integer, stars integer);
      create table tags (id integer primary key, name text);
      create table listing_tags (listing_id integer, tag_id integer, primary key (listing_id, tag_id));
      insert into categories values (1, 'Phones'), (2, 'Cars');
      insert into listings select n, 1, 'listing ' || n from generate_series(9, 11) n;
      insert into reviews values (3, 10, 5); insert into tags values (7, 'new'); insert into listing_tags values (9, 7)`);
    const mapping = await scene.attach('listings', {
      id: 'id',
      sql: `select l.id, l.title, c.name as category,
          (select coalesce(json_agg(r.stars order by r.id), '[]') from reviews r where r.listing_id = l.id) as stars,
          (select coalesce(json_agg(t.name order by t.name), '[]') from listing_tags lt join tags t on t.id = lt.tag_id
            where lt.listing_id = l.id) as tags
        from listings l join categories c on c.id = l.category_id`,
      dependencies: [
        'categories.id -> listings.category_id',
        'reviews.listing_id -> listings.id',
        'listing_tags.listing_id -> listings.id',
        'tags.id -> listing_tags.tag_id',
      ],
    });
    await scene.load(mapping);
    await scene.startProcessor();
    expect(await scene.stored(mapping, '10')).toContain('"stars":[5]');
    await pool.query('update reviews set listing_id = 11 where id = 3');
    await scene.drained();
    expect(await scene.stored(mapping, '10')).toContain('"stars":[]');
    expect(await scene.stored(mapping, '11')).toContain('"stars":[5]');
    await pool.query(`update categories set name = 'Telephones' where id = 1`);
    await scene.drained();
    for (const id of ['9', '10', '11']) expect(await scene.stored(mapping, id)).toContain('Telephones');
    // Over the table between.
    await pool.query(`update tags set name = 'renamed' where id = 7`);
    await scene.drained();
    expect(await scene.stored(mapping, '9')).toContain('"tags":["renamed"]');
    await pool.query('delete from listing_tags');
    await scene.drained();
    expect(await scene.stored(mapping, '9')).toContain('"tags":[]');
    expect(await scene.compare(mapping)).toMatchObject({ checked: 3, missing: 0, stale: 0, extra: 0 });
  });

  test('Y9: what left the row leaves the document', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings values (1, 'a', 1, '{"color": "red", "size": 42}', '{x,y}')`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await pool.query(`update listings set attrs = '{"size": 42}', title = null, tags = '{x}'`);
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toBe('{"id":1,"title":null,"price":1,"attrs":{"size": 42},"tags":["x"]}');
    await scene.search(`${scene.index}/_refresh`, {});
    const found = await scene.search(`${scene.index}/_count`, { query: { match: { 'attrs.color': 'red' } } });
    expect(found.count).toBe(0);
  });
});
