// Folders of TEM's own, where they can be made and where not.

import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../src/core/folder.ts';
import { makeHome } from '../support/home.ts';

const NOT_THERE = process.platform === 'linux' ? '/proc/not there/home' : '/dev/null/home';

test('a folder and those above it are made for their owner only, and one that is there is left', async () => {
  const path = join(await makeHome(), 'a', 'b c');
  makeFolder(path);
  makeFolder(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('what can’t be made is an error and no endless loop', async () => {
  const file = join(await makeHome(), 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'home'), NOT_THERE]) expect(() => makeFolder(path), path).toThrow();
});
