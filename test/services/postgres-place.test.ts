// Where the embedded Postgres lives: a folder never changes hands between users.

import { chownSync, mkdirSync, symlinkSync } from 'node:fs';
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
  await expect(preparePostgresPlace(home)).rejects.toThrow(
    `${folder} belongs to user ${isRoot ? SOME_USER : 0}: start TEM as that user`,
  );
});
