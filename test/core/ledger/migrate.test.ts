// Migrations: safe at the same time, idempotent, and refused in words for a newer database.

import { expect, test } from 'vitest';
import { migrate, migrationState } from '../../../src/core/ledger/migrate.ts';
import { createDatabase } from '../../support/database.ts';

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
