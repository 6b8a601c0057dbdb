// Where the embedded Postgres lives: a folder never changes hands between users.

import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
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
  const programs = await makeHome();
  const prepared = () => preparePostgresPlace(home, programs);
  await expect(prepared()).rejects.toThrow(`TEM_POSTGRES_BIN: there is no ${join(programs, 'initdb')}`);
  const postgres = join(programs, 'postgres');
  writeFileSync(join(programs, 'initdb'), '');
  writeFileSync(postgres, '#!/bin/sh\necho "postgres (PostgreSQL) 13.23"\n', { mode: 0o755 });
  await expect(prepared()).rejects.toThrow(
    `${postgres} is postgres (PostgreSQL) 13.23; TEM needs Postgres 14 or later`,
  );
  writeFileSync(postgres, 'no program', { mode: 0o755 });
  await expect(prepared()).rejects.toThrow(/doesn't run: \S/);
  if (process.getuid?.() !== 0) return;
  // Postgres would be run by a user who can't get there, and its other files can't be told from the rest of the folder.
  chmodSync(programs, 0o700);
  writeFileSync(postgres, '#!/bin/sh\necho "postgres (PostgreSQL) 16.1"\n', { mode: 0o755 });
  await expect(prepared()).rejects.toThrow(`${postgres} can't be read by the user that runs Postgres`);
});
