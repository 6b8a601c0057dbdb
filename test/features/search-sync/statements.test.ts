// Whatever a statement does to a table, the index equals it afterwards.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { setKeeps } from '../../../src/features/search-sync/queue/keeps.ts';
import { QUEUE } from '../../../src/features/search-sync/queue/table.ts';
import { keepQueueShort } from '../../../src/features/search-sync/watch/queue-length.ts';
import { runSweeps } from '../../../src/features/search-sync/watch/sweeps.ts';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, setup } from './setup.ts';

const EQUAL = { missing: 0, stale: 0, extra: 0 };
const signal = new AbortController().signal;

describeSearch('statements', () => {
  test('transactions, savepoints, COPY-sized inserts, upserts, cascades, a changed key and TRUNCATE', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`create table users (id integer primary key);
      create table listings (id integer primary key, user_id integer references users on delete cascade, title text);
      insert into users select generate_series(1, 3)`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await pool.query(`begin; insert into listings values (1, 1, 'a'); update listings set title = 'b' where id = 1;
      delete from listings where id = 1; commit`);
    await pool.query(`begin; insert into listings values (2, 1, 'undone'); rollback`);
    await pool.query(`begin; insert into listings values (3, 1, 'kept'); savepoint s; update listings set title = 'undone';
      insert into listings values (4, 1, 'undone'); rollback to s; commit`);
    await pool.query(`insert into listings select n, 2, 'listing ' || n from generate_series(10, 2009) n`);
    await pool.query(
      `insert into listings values (10, 2, 'again'), (5, 3, 'new') on conflict (id) do update set title = excluded.title`,
    );
    await pool.query(`update listings set id = id + 100000 where id between 20 and 29`);
    await pool.query('delete from users where id = 3');
    await scene.drained(60_000);
    expect(await scene.compare(mapping)).toMatchObject({ checked: 2001, ...EQUAL });
    expect(await scene.stored(mapping, '20')).toBeUndefined();
    expect(await scene.stored(mapping, '100020')).toContain('listing 20');
    expect(await scene.stored(mapping, '5')).toBeUndefined();
    await pool.query(`begin; truncate listings; insert into listings values (7, 1, 'after'); commit`);
    await scene.drained();
    expect(await runSweeps({ pool, states: scene.targets }, signal)).toBe(1);
    await scene.drained();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 1, ...EQUAL });
  });

  test('a json that no jsonb can hold is indexed as it is, and never fails the write', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query('create table drafts (id integer primary key, title text, body json)');
    const mapping = await scene.attach('drafts');
    await scene.load(mapping);
    await scene.startProcessor();
    await pool.query(`insert into drafts values (1, 'nul', '{"a":"\\u0000"}'), (2, 'half a pair', '{"a":"\\ud800"}'),
      (3, 'plain', '{"a":1}')`);
    await pool.query(`update drafts set title = 'changed'`);
    await pool.query('delete from drafts where id = 2');
    await scene.drained();
    const { rows } = await pool.query<{ kept: string }>(
      `select record_id || ' ' || operation || ' ' || coalesce(change_data::text, 'only named') as kept
        from elasticsearch_sync_queue where operation <> 'UPDATE' order by id`,
    );
    expect(rows.map(({ kept }) => kept)).toEqual([
      '1 INSERT only named',
      '2 INSERT only named',
      expect.stringContaining('"title": "plain"'),
      '2 DELETE only named',
    ]);
    expect(await scene.stored(mapping, '1')).toContain('\\u0000');
    expect(await scene.compare(mapping)).toMatchObject({ checked: 2, ...EQUAL });
  });

  test('partitions: written through the table or by name, a row that moves between them', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`create table events (id integer, at date, title text, primary key (id, at)) partition by range (at);
      create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');
      create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01');`);
    const mapping = await scene.attach('events');
    await scene.load(mapping);
    await scene.startProcessor();
    await pool.query(`insert into events values (1, '2026-01-10', 'one'), (2, '2026-02-10', 'two')`);
    await pool.query(`insert into events_1 values (3, '2026-01-11', 'by name')`);
    await pool.query(`update events set at = '2026-02-20' where id = 1`);
    await pool.query(`update events_2 set title = 'by name too' where id = 2`);
    await scene.drained();
    expect(await scene.stored(mapping, '1:2026-02-20')).toContain('one');
    expect(await scene.stored(mapping, '1:2026-01-10')).toBeUndefined();
    expect(await scene.stored(mapping, '2:2026-02-10')).toContain('by name too');
    expect(await scene.compare(mapping)).toMatchObject({ checked: 3, ...EQUAL });
  });

  test('names that need quotes, other schemas, ids of several columns, long and odd values', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`create schema "Odd ""schema";
      create table "Odd ""schema"."My Table" ("Key: a" text, "b" uuid not null, "Value's" text, n float8, j json, x jsonb,
        at timestamptz, unique ("b", "Key: a")); alter table "Odd ""schema"."My Table" alter "Key: a" set not null`);
    const mapping = await scene.attach('"Odd ""schema"."My Table"', {
      id: ['Key: a', 'b'],
      where: `"Value's" is not null`,
    });
    await scene.load(mapping);
    await scene.startProcessor();
    const uuid = '018f3f6e-0000-7000-8000-000000000000';
    const keys = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, n]));
    await pool.query(`insert into "Odd ""schema"."My Table" values ($1, $2, $3, 1, $4, $5, now())`, [
      'a:b\\c',
      uuid,
      'it\'s\n"quoted" \u{1f600}',
      '{"two":\n  "lines"}',
      keys,
    ]);
    await pool.query(`insert into "Odd ""schema"."My Table" values ('long', $1, $2, 2, null, null, null)`, [
      uuid,
      'x'.repeat(10_000_000),
    ]);
    await scene.drained(60_000);
    expect(await scene.stored(mapping, `a\\:b\\\\c:${uuid}`)).toContain('"k4999": 4999');
    expect((await scene.stored(mapping, `long:${uuid}`))?.length).toBeGreaterThan(10_000_000);
    expect(await scene.compare(mapping)).toMatchObject({ checked: 2, ...EQUAL });
    // NaN and infinity are nothing to an index: refused by the target, with the field named, and the others go on.
    await pool.query(`insert into "Odd ""schema"."My Table" values ('nan', $1, 'x', 'NaN'), ('fine', $1, 'x', 1)`, [
      uuid,
    ]);
    await pool.query(
      `insert into "Odd ""schema"."My Table" ("Key: a", b, "Value's", at) values ('infinity', $1, 'x', 'infinity')`,
      [uuid],
    );
    await scene.drained();
    const said = async (id: string) =>
      (
        await pool.query(
          `select status, retry_count, error_message from elasticsearch_sync_queue where record_id like $1 || ':%'`,
          [id],
        )
      ).rows;
    expect(await said('nan')).toEqual([
      { status: 'failed', retry_count: 1, error_message: expect.stringContaining('field n:') },
    ]);
    expect(await said('infinity')).toEqual([
      { status: 'failed', retry_count: 1, error_message: expect.stringContaining('field at:') },
    ]);
    const events = await pool.query(
      `select payload from tem.event where type = 'search.document' order by payload ->> 'id'`,
    );
    expect(events.rows).toEqual(
      ['infinity', 'nan'].map((id) => ({ payload: { table: mapping.queueName, id: `${id}:${uuid}` } })),
    );
    await pool.query(`update "Odd ""schema"."My Table" set n = 5 where "Key: a" = 'nan'`);
    await scene.drained();
    const healed = await pool.query(
      `select distinct status from elasticsearch_sync_queue where record_id like 'nan:%'`,
    );
    expect(healed.rows).toEqual([{ status: 'completed' }]);
  });

  test('triggers heed at once what the queue keeps, and what a full one left out is compared', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query('create table listings (id integer primary key, title text)');
    await pool.query(`insert into listings values (1, 'a'), (2, 'b')`);
    const mapping = await scene.attach('listings');
    const queued = async () =>
      (await pool.query(`select record_id as id, change_data is null as bare from ${QUEUE} order by id`)).rows;
    await setKeeps(pool, 'marks');
    await pool.query(`update listings set title = 'c'`);
    expect(await queued()).toEqual([
      { id: '1', bare: true },
      { id: '2', bare: true },
    ]);
    const older = await pool.connect();
    try {
      await older.query('begin isolation level repeatable read');
      await older.query('select from listings');
      await setKeeps(pool, 'full');
      await older.query(`update listings set title = 'd' where id = 1`);
      await setKeeps(pool, 'whole');
      await keepQueueShort(pool, 1_000, pino({ level: 'silent' }));
      // Whoever found it full has not ended yet.
      expect((await pool.query('select from tem.search_sweep')).rowCount).toBe(0);
      await older.query('commit');
    } finally {
      older.release();
    }
    expect(await queued()).toHaveLength(2);
    // Postgres counts transactions of other databases too.
    await waitFor(async () => {
      await keepQueueShort(pool, 1_000, pino({ level: 'silent' }));
      const { rows } = await pool.query('select mapping_id::text as id from tem.search_sweep');
      return rows[0]?.id === mapping.mappingId;
    });
    await pool.query(`update listings set title = 'e' where id = 2`);
    expect((await queued()).filter(({ bare }) => !bare)).toEqual([{ id: '2', bare: false }]);
  });

  test('takes over a queue that was there, with its rows, its trigger and its function', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`create table listings (id uuid primary key default gen_random_uuid(), title text);
      create table elasticsearch_sync_queue (id serial primary key, table_name varchar(50) not null, operation varchar(20) not null,
        record_id uuid not null, change_data jsonb not null, status varchar(20) default 'pending', retry_count integer default 0,
        error_message text, created_at timestamp with time zone default now(), processed_at timestamp with time zone);
      create function add_to_elasticsearch_queue() returns trigger language plpgsql as $$ begin
        insert into elasticsearch_sync_queue (table_name, operation, record_id, change_data)
          values (TG_TABLE_NAME, TG_OP, coalesce(NEW.id, OLD.id), '{}'); return null; end $$;
      create trigger listings_queue_sync after insert or update or delete on listings
        for each row execute function add_to_elasticsearch_queue();
      insert into listings (title) values ('theirs'), ('stuck');
      update elasticsearch_sync_queue set status = 'processing' where id = 2`);
    const mapping = await scene.attach('listings');
    await scene.startProcessor();
    await pool.query(`insert into listings (title) values ('ours')`);
    await scene.drained(60_000);
    expect(await scene.compare(mapping)).toMatchObject({ checked: 3, ...EQUAL });
    const { rows } = await pool.query(`select count(*)::int as rows, (select count(*)::int from pg_trigger
        where tgname = 'listings_queue_sync') as triggers, to_regproc('add_to_elasticsearch_queue') as function,
        (select completed_jobs::int from get_elasticsearch_queue_stats()) as completed from elasticsearch_sync_queue`);
    expect(rows[0]).toEqual({ rows: 3, triggers: 0, function: null, completed: 3 });
    const stats = await pool.query('select * from get_elasticsearch_queue_stats()');
    expect(stats.fields.map(({ name }) => name)).toEqual([
      'total_jobs',
      'pending_jobs',
      'processing_jobs',
      'completed_jobs',
      'failed_jobs',
      'avg_processing_time',
      'last_processed_at',
    ]);
    const types = await pool.query<{ type: string }>(`select format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = 'elasticsearch_sync_queue'::regclass and attname in ('record_id', 'table_name') order by attnum`);
    expect(types.rows.map(({ type }) => type)).toEqual(['text', 'text']);
  });
});
