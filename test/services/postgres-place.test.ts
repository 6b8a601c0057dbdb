// Where the embedded Postgres lives: a folder never changes hands between users.

import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { preparePostgresPlace } from '../../src/services/postgres-place.ts';
import { makeHome } from '../support/home.ts';

const SOME_USER = 54_321;

test("another user's data is refused in words", async () => {
  const home = await makeHome();
  const folder = join(home, 'postgres');
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    mkdirSync(folder);
    chownSync(folder, SOME_USER, SOME_USER);
  } else symlinkSync('/', folder);
  await expect(preparePostgresPlace(home, undefined)).rejects.toThrow(
    `${folder} belongs to user ${isRoot ? SOME_USER : 0}: start TEM as that user`,
  );
});

test('a folder that is no Postgres, and an old Postgres, are refused in words', async () => {
  const home = await makeHome();
  const prepared = () => preparePostgresPlace(home, home);
  await expect(prepared()).rejects.toThrow(`TEM_POSTGRES_BIN: there is no ${join(home, 'initdb')}`);
  const postgres = join(home, 'postgres');
  writeFileSync(join(home, 'initdb'), '');
  writeFileSync(postgres, '#!/bin/sh\necho "postgres (PostgreSQL) 13.23"\n', { mode: 0o755 });
  await expect(prepared()).rejects.toThrow(
    `${postgres} is postgres (PostgreSQL) 13.23; TEM needs Postgres 14 or later`,
  );
  writeFileSync(postgres, 'no program', { mode: 0o755 });
  await expect(prepared()).rejects.toThrow(`${postgres} doesn't run`);
});
