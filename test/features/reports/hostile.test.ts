// Definitions that were made to do harm, read by the real sources as the role that TEM makes: what the wall is, whatever the
// words at the door know.

import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildFile, dryRun, type Place } from '../../../src/features/reports/building.ts';
import type { Definition } from '../../../src/features/reports/messages.ts';
import { namesIn } from '../../../src/features/reports/parameters.ts';
import { createSources } from '../../../src/features/reports/sources/index.ts';
import { refuseWrites } from '../../../src/features/reports/sources/refusal.ts';
import { QueryFailed } from '../../../src/features/reports/sources/source.ts';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let place: Place;

beforeAll(async () => {
  database = await createDatabase();
  const { pool, databaseUrl } = database;
  const sources = createSources({ pool, databaseUrl, settings: { sources: {} } });
  place = { pool, sources, timeZone: 'Europe/Istanbul' };
  atEnd(async () => {
    const { rows } = await pool.query(
      `select 'tem_reader_' || left(replace(id::text, '-', ''), 12) as role from tem.ledger`,
    );
    // Roles belong to the server, and would outlive this database.
    await pool.query(`drop owned by ${rows[0].role}; drop role ${rows[0].role}`);
  });
  await pool.query(`
    create table public.stock (n int); insert into public.stock values (1);
    create sequence public.numbers;
    grant usage on sequence public.numbers to public;
    create function public.writes() returns int security definer language sql as
      'insert into public.stock values (2) returning n';
    create function public.unlocks() returns int security definer language plpgsql as
      $$ begin perform set_config('transaction_read_only', 'off', true); insert into public.stock values (3); return 1; end $$;
    create function public.sleeps() returns int language plpgsql as
      $$ begin perform set_config('statement_timeout', '0', true); perform pg_sleep(600); return 1; end $$`);
});

function definition(sql: string, more: Partial<Definition> = {}): Definition {
  return { title: 'x', source: 'ledger', sql, format: 'csv', recipients: [], ...more };
}
const rowsOf = async (sql: string, more: Partial<Definition> = {}) =>
  (await dryRun(place, definition(sql, more), {})).rows;

async function refusalOf(sql: string): Promise<string> {
  const error = await rowsOf(sql).catch((error: unknown) => error);
  expect([sql, error]).toEqual([sql, expect.any(QueryFailed)]);
  return (error as QueryFailed).message;
}

// Quotes, comments and strings hide the names from the words at the door: what is left is the role and the transaction.
const HIDDEN = (query: string) =>
  `select query_to_xml(${query
    .split('')
    .map((letter) => `chr(${letter.charCodeAt(0)})`)
    .join('||')}, true, true, '')`;

const REFUSED: readonly [string, RegExp][] = [
  [`select nextval('public.numbers')`, /can't write/],
  [`select setval('public.numbers', 100)`, /./],
  ['select public.writes()', /can't write/],
  ['select public.unlocks()', /read-only|read-write/],
  [`select pg_catalog . "pg_read_file" ('/etc/passwd')`, /files/],
  [HIDDEN(`select pg_read_file('/etc/passwd')`), /may not/],
  [HIDDEN(`select lo_export(1, 'x')`), /may not/],
  [HIDDEN('insert into public.stock values (4)'), /./],
  [HIDDEN('delete from public.stock returning 1'), /./],
  [HIDDEN(`select public.writes()`), /can't write/],
  [HIDDEN('select pg_advisory_lock(1)'), /advisory/],
  [HIDDEN(`select set_config('transaction_read_only', 'off', false)`), /read-only|read-write/],
  [HIDDEN(`select set_config('role', 'pg_write_all_data', false)`), /may not/],
  [HIDDEN('select pg_reload_conf()'), /may not/],
  [HIDDEN('select value from tem.report_secret'), /may not/],
  [HIDDEN('select pg_stat_reset()'), /may not/],
  [`select 1) to program 'touch x'`, /syntax/],
  [`select 1) to program 'touch x' --`, /syntax/],
  [`select 1; copy public.stock to program 'true'`, /one query/],
  ['select 1 for update; commit', /one query/],
  ['with hold as (select 1) select * from hold; commit', /one query/],
  ['values (1); drop table public.stock', /one query/],
  ['table public.stock; truncate public.stock', /one query/],
  ['with w as (update public.stock set n = 9 returning n) select n from w', /./],
  ['with w as (select 1) insert into public.stock select 5', /./],
  ['with w as (select 1) merge into public.stock using w on true when matched then delete', /./],
  ['explain analyze delete from public.stock', /reads/],
  ['do $$ begin delete from public.stock; end $$', /reads/],
  ['prepare p as delete from public.stock', /reads/],
  ['execute p', /reads/],
  ['declare c cursor with hold for select 1', /reads/],
  ['fetch all from tem_report', /reads/],
  ['close tem_report', /reads/],
  ['call public.writes()', /reads/],
  ['lock table public.stock', /reads/],
  ['listen anybody', /reads/],
  ['notify anybody', /reads/],
  [`select pg_notify('anybody', 'x')`, /tells/],
  [`select pg_logical_emit_message(false, 'x', 'y')`, /tells/],
  ['reset all', /reads/],
  ['', /reads/],
  ['/* only a comment */', /reads/],
  ['-- only a comment', /reads/],
  [`${'('.repeat(40_000)}select 1`, /stack|syntax|memory/],
  [`select ${'('.repeat(40_000)}1${')'.repeat(40_000)}`, /stack|memory/],
  [`select repeat('x', 17 * 1024 * 1024)`, /bytes/],
  [`select repeat(repeat('x', 1000000), 2000)`, /memory|size|bytes|large/],
  ['select 1 / 0', /division/],
  ['select $1', /./],
];

test('none of them writes, and each is refused in words', async () => {
  for (const [sql, words] of REFUSED)
    expect([sql.slice(0, 200), await refusalOf(sql)]).toEqual([sql.slice(0, 200), expect.stringMatching(words)]);
  const { rows } = await database.pool.query(
    'select n, (select last_value from public.numbers) as last from public.stock',
  );
  expect(rows).toEqual([{ n: 1, last: '1' }]);
  expect(await rowsOf('select n from public.stock;')).toEqual([['1']]);
}, 120_000);

test('what is told in a transaction that never commits is heard by nobody', async () => {
  const listener = new pg.Client({ connectionString: database.databaseUrl });
  const heard: unknown[] = [];
  await listener.connect();
  listener.on('notification', ({ payload }) => heard.push(payload));
  await listener.query('listen anybody');
  expect(await rowsOf(HIDDEN(`select pg_notify('anybody', 'from the report')`))).toHaveLength(1);
  await database.pool.query(`select pg_notify('anybody', 'afterwards')`);
  await expect.poll(() => heard).toEqual(['afterwards']);
  await listener.end();
});

test('one that lifts its own time limit and sleeps is ended from outside', async () => {
  const startedAt = performance.now();
  await expect(rowsOf('select public.sleeps()', { timeLimitSeconds: 1 })).rejects.toThrow(/time limit/);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  const open = async () => {
    const { rows } = await database.pool.query(
      `select count(*)::int as open from pg_stat_activity where application_name = 'tem report' and datname = current_database()`,
    );
    return rows[0].open;
  };
  await expect.poll(open, { timeout: 20_000 }).toBe(0);
});

test('one without an end gives its first rows, and no more are read', async () => {
  const endless = 'with recursive t(n) as (select 1 union all select n + 1 from t) select n from t';
  expect(await rowsOf(endless)).toHaveLength(20);
  expect(await rowsOf('select n from generate_series(1, 10000000) n')).toHaveLength(20);
  const { rows } = await database.pool.query(
    `insert into tem.report_delivery (id, report, event_id, definition, parameters)
     values (gen_random_uuid(), 'x', gen_random_uuid(), '{}', '{}') returning id`,
  );
  const built = await buildFile(place, {
    delivery: rows[0].id,
    definition: definition(endless, { rowLimit: 1_000 }),
    parameters: {},
    now: new Date(),
    signal: new AbortController().signal,
  });
  expect(built).toMatchObject({ rows: 1_000, more: true });
});

test('values are bound: none of them becomes SQL', async () => {
  const values = [`'; drop table public.stock; --`, `$1`, `\\'`, ') to program', `Ağrı "x"`, '😀'];
  const parameters = Object.fromEntries(values.map((value, n) => [`v${n}`, { type: 'text' as const, default: value }]));
  const sql = `select ${values.map((_, n) => `:v${n}`).join(', ')}, ':v0', $$:v0$$ -- :v0`;
  expect(await rowsOf(sql, { parameters })).toEqual([[...values, ':v0', ':v0']]);
});

test('a text of 100,000 letters is looked at in time, whatever it is made of', () => {
  const long = ['/**/', '/*', '--\n', '(', `'`, '"', `e'`, '$a$', '$', ':', 'set_config ', '*/', ' '].map((part) =>
    part.repeat(Math.floor(100_000 / part.length)),
  );
  const tags = Array.from({ length: 14_000 }, (_, n) => `$t${n}$`).join('');
  for (const text of [...long, tags, ...long.map((each) => `select ${each}`)]) {
    const startedAt = performance.now();
    namesIn(text);
    expect(() => refuseWrites(`${text}x`)).not.toThrow(RangeError);
    expect([text.slice(0, 20), performance.now() - startedAt < 5_000]).toEqual([text.slice(0, 20), true]);
  }
});

describe('rows come whole, however they are cut on their way', () => {
  test.each([
    ['many short ones', `select n, null, '' from generate_series(1, 50000) n`, 50_000],
    ['few long ones', `select n, repeat('ş', 1000000) from generate_series(1, 9) n`, 9],
    ['one without columns', 'select from generate_series(1, 3)', 3],
    ['none', 'select 1 where false', 0],
  ])('%s', async (_, sql, count) => {
    const source = await place.sources.get('ledger');
    const reading = { text: sql, values: [], timeZone: 'UTC', withinMs: 60_000, rowsMax: 1_000_000 };
    const read = await source.read(reading, async (columns, batches) => {
      let rows = 0;
      let bytes = 0;
      for await (const batch of batches) {
        rows += batch.count;
        for (let n = 0; n < batch.places.length; n += 2) {
          const from = batch.places[n] as number;
          if (from >= 0) bytes += (batch.places[n + 1] as number) - from;
        }
      }
      return { rows, bytes, columns: columns.length };
    });
    const { rows } = await database.pool.query(
      `select coalesce(sum(octet_length(x.n::text) + coalesce(octet_length(x.t), 0)), 0)::int as bytes
       from (${count === 9 ? sql : count === 50_000 ? 'select n, null::text from generate_series(1, 50000) n' : 'select 0, null::text where false'}) as x(n, t)`,
    );
    expect([read.rows, read.bytes]).toEqual([count, rows[0].bytes]);
  });
});
