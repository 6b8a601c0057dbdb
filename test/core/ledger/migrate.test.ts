// Migrations: safe at the same time, idempotent, and refused in words for a newer database.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { migrate, migrationState } from '../../../src/core/ledger/migrate.ts';
import { createDatabase } from '../../support/database.ts';
import { makeHome } from '../../support/home.ts';

test('an empty database is migrated once by many callers at the same time', async () => {
  const { databaseUrl, pool } = await createDatabase({ migrated: false });
  const before = await migrationState(pool);
  expect(before.applied).toEqual([]);

  const lines: string[] = [];
  const results = await Promise.all(Array.from({ length: 6 }, () => migrate(databaseUrl, (line) => lines.push(line))));

  expect(results.filter((names) => names.length > 0)).toEqual([before.missing]);
  expect(lines).toContain(`The ledger was migrated: ${before.missing.join(', ')}`);
  expect(lines.filter((line) => line === 'The ledger is up to date')).toHaveLength(5);
  expect(await migrationState(pool)).toEqual({ applied: before.missing, missing: [], newer: [] });
});

test('a migrated database stays as it is', async () => {
  const { databaseUrl, pool } = await createDatabase();
  const { rows: before } = await pool.query('select id from tem.ledger');
  expect(await migrate(databaseUrl, () => {})).toEqual([]);
  expect((await pool.query('select id from tem.ledger')).rows).toEqual(before);
});

test('a database that is newer than the code is refused and left alone', async () => {
  const { databaseUrl, pool } = await createDatabase();
  await pool.query(`insert into tem.migration (name, run_on) values ('9999_future', now())`);
  await expect(migrate(databaseUrl, () => {})).rejects.toThrow(
    'the database is newer than this TEM (it has 9999_future): start the newer release',
  );
});

test('a file may run outside of a transaction, and is repeated whole when it broke off in its middle', async () => {
  const { databaseUrl, pool } = await createDatabase({ migrated: false });
  const folder = await makeHome();
  const write = (name: string, sql: string) => writeFileSync(join(folder, `${name}.sql`), sql);
  write(
    '0001_thing',
    '-- Up Migration\ncreate table tem.thing (id int, name text);\ninsert into tem.thing values (1), (1);',
  );
  const index = (unique: string) => `-- Outside of a transaction\n
drop index concurrently if exists tem.thing_id;
create ${unique} index concurrently thing_id on tem.thing (id);`;
  write('0002_index', index('unique'));
  write('0003_after', '-- Up Migration\ninsert into tem.thing values (3);');
  // Two rows are equal: the index stays behind, invalid, and the file is not taken for applied.
  await expect(migrate(databaseUrl, () => {}, folder)).rejects.toThrow(/unique/);
  expect((await migrationState(pool, folder)).applied).toEqual(['0001_thing']);
  await pool.query('delete from tem.thing where ctid = (select min(ctid) from tem.thing)');
  const results = await Promise.all([1, 2, 3].map(() => migrate(databaseUrl, () => {}, folder)));
  expect(results.flat()).toEqual(['0002_index', '0003_after']);
  const { rows } = await pool.query(`select indisvalid from pg_index where indexrelid = 'tem.thing_id'::regclass`);
  expect(rows).toEqual([{ indisvalid: true }]);
});
