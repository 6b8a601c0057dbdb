// The embedded Temporal on a database that can't be read: it starts on a new one, and the old one is kept.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startTemporal } from '../../src/services/temporal.ts';
import { makeHome } from '../support/home.ts';

const GARBAGE = 'not of a database\n'.repeat(1_000);

test('a damaged database is moved aside, and the server starts on a new one', async () => {
  const home = await makeHome();
  const dbFile = join(home, 'temporal.db');
  writeFileSync(dbFile, GARBAGE);
  const said: string[] = [];
  const temporal = await startTemporal({
    home,
    binary: inject('temporalCli'),
    namespace: 'default',
    port: 0,
    uiPort: 0,
    say: (line) => void said.push(line),
    signal: new AbortController().signal,
  });
  onTestFinished(() => temporal.stop());
  expect(said.filter((line) => line.includes('damaged'))).toEqual([
    `Temporal's database is damaged and was moved to ${dbFile}.damaged: the ledger starts again what is unfinished`,
  ]);
  expect(readFileSync(`${dbFile}.damaged`, 'utf8')).toBe(GARBAGE);
  expect(existsSync(dbFile)).toBe(true);
});
