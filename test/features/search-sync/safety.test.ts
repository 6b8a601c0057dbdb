// The application's writes never fail for search sync: neither for what a row holds nor for what became of the table since it
// was attached. What can't be indexed says so in its row.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { planMapping } from '../../../src/features/search-sync/attach/plan.ts';
import { replaceMapping } from '../../../src/features/search-sync/attach/replace.ts';
import { readSurroundings } from '../../../src/features/search-sync/queue/stats.ts';
import { readMapping } from '../../../src/features/search-sync/store.ts';
import { runSweeps } from '../../../src/features/search-sync/watch/sweeps.ts';
import { watchTurn } from '../../../src/features/search-sync/watch/watch.ts';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, type Scene, setup } from './setup.ts';

const LISTINGS = `create table listings (id integer primary key, title text, price integer, status text default 'active')`;
const EQUAL = { missing: 0, stale: 0, extra: 0 };
const log = pino({ level: 'silent' });

function look({ pool, target, targets }: Scene): Promise<void> {
  const settings = { queueMax: 1_000_000 } as Parameters<typeof watchTurn>[0]['settings'];
  return watchTurn({ pool, targets: { default: target }, states: targets, settings, log });
}

async function failedRows({ pool }: Scene): Promise<unknown[]> {
  const { rows } = await pool.query(
    `select record_id, error_message from elasticsearch_sync_queue where status = 'failed' order by id`,
  );
  return rows;
}

describeSearch("the application's writes", () => {
  test('a condition that raises for a row fails no write: the row says so, and heals', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings values (1, 'fine', 10), (2, 'free', 0)`);
    const where = '100 / price > 1';
    await expect(scene.attach('listings', { where })).rejects.toThrow('for a row that is there: division by zero');
    await pool.query('delete from listings where id = 2');
    const mapping = await scene.attach('listings', { where });
    await pool.query(`insert into listings values (3, 'free before the load', 0)`);
    await scene.load(mapping);
    await scene.startProcessor();
    await pool.query(`insert into listings values (4, 'free', 0), (5, 'fine', 20), (6, 'dear', 1000)`);
    await pool.query(`update listings set title = 'fine too' where id in (1, 4)`);
    await scene.drained();
    expect(await failedRows(scene)).toEqual(
      ['3', '4', '4'].map((record_id) => ({ record_id, error_message: 'division by zero' })),
    );
    expect(await scene.stored(mapping, '1')).toContain('fine too');
    expect(await scene.stored(mapping, '5')).toBeDefined();
    expect(await scene.stored(mapping, '6')).toBeUndefined();
    expect(await scene.compare(mapping)).toMatchObject(EQUAL);
    await pool.query('update listings set price = 5 where id in (3, 4)');
    await scene.drained();
    expect(await failedRows(scene)).toEqual([]);
    expect(await scene.compare(mapping)).toMatchObject({ checked: 4, ...EQUAL });
    await pool.query('update listings set price = 0 where id = 5; delete from listings where id = 5');
    await scene.drained();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 3, ...EQUAL });
  });

  test('a query that raises for a row, by a function of its own, fails that record alone', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`${LISTINGS};
      create function label(price integer) returns text language plpgsql as $$ begin
        if price < 0 then raise exception 'no price is %', price; end if; return 'costs ' || price; end $$`);
    await pool.query(`insert into listings values (1, 'a', 1), (2, 'b', -2)`);
    const mapping = await scene.attach('listings', { sql: 'select id, label(price) as label from listings' });
    await scene.startProcessor();
    await scene.load(mapping);
    await pool.query(`insert into listings values (3, 'c', 3), (4, 'd', -4)`);
    await scene.drained();
    expect(await scene.stored(mapping, '3')).toBe('{"id":3,"label":"costs 3"}');
    expect(await failedRows(scene)).toEqual([{ record_id: '4', error_message: 'no price is -4' }]);
    expect(await scene.compare(mapping)).toMatchObject(EQUAL);
  });

  test('a renamed column fails no write and holds up no other table; it is told until the table is mapped anew', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`${LISTINGS}; create table users (id integer primary key, name text)`);
    const mapping = await scene.attach('listings', { where: "status = 'active'" });
    const users = await scene.attach('users', { index: `${scene.index}-users` });
    await scene.load(mapping);
    await scene.load(users);
    await scene.startProcessor();
    await pool.query('alter table listings rename status to state; alter table users rename name to called');
    await pool.query(
      `insert into listings values (1, 'a', 1), (2, 'b', 2); update listings set title = 'c' where id = 2`,
    );
    await pool.query(`insert into users values (1, 'somebody')`);
    await waitFor(async () => (await scene.stored(users, '1'))?.includes('somebody'));
    await look(scene);
    expect((await readSurroundings(pool)).unreadable).toEqual([
      { table: 'listings', trouble: 'column "status" does not exist' },
    ]);
    const plan = await planMapping(pool, 'listings', { index: scene.index, where: "state = 'active'" }, ['default']);
    const present = (await readMapping(pool, { schema: 'public', name: 'listings' }))!;
    const anew = await replaceMapping({ pool, targets: { default: scene.target }, log }, present, plan);
    await scene.load(anew);
    await scene.drained();
    await look(scene);
    expect((await readSurroundings(pool)).unreadable).toEqual([]);
    expect(await scene.stored((await readMapping(pool, { schema: 'public', name: 'listings' }))!, '2')).toContain(
      '"c"',
    );
  });

  test('when not even the id can be read, and where a joined column is gone, the table is compared', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`${LISTINGS}; create table categories (code integer primary key, name text);
      alter table listings add category integer`);
    const mapping = await scene.attach('listings', {
      sql: 'select l.*, c.name from listings l left join categories c on c.code = l.category',
      dependencies: ['categories.code -> listings.category'],
    });
    await scene.load(mapping);
    await scene.startProcessor();
    await pool.query('alter table categories rename code to number');
    await pool.query(`insert into categories values (1, 'phones')`);
    await pool.query('alter table categories rename number to code; alter table listings rename id to key');
    await pool.query(`insert into listings (key, title, category) values (1, 'a', 1)`);
    await pool.query('alter table listings rename key to id');
    expect(await runSweeps({ pool, states: scene.targets }, new AbortController().signal)).toBe(1);
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toContain('phones');
  });

  test('a queue that was there and takes no rows of the table is refused at attach', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`${LISTINGS};
      create table elasticsearch_sync_queue (id serial primary key, table_name varchar(255) not null, operation varchar(20) not null,
        record_id text not null, change_data jsonb, status varchar(20) default 'pending', retry_count integer default 0,
        error_message text, created_at timestamptz default now(), processed_at timestamptz,
        check (table_name in ('profiles', 'categories')))`);
    await expect(scene.attach('listings')).rejects.toThrow('takes no changes of listings');
    const { rows } = await pool.query(
      `select count(*)::int as triggers from pg_trigger where tgname like 'tem_search%'`,
    );
    expect(rows).toEqual([{ triggers: 0 }]);
    await pool.query(`insert into listings values (1, 'a', 1)`);
  });
});
