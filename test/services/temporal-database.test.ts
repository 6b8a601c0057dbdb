// The embedded Temporal's database file: made anew when it is gone, with nothing of the one before.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sqlite from 'node-sqlite3-wasm';
import { expect, test } from 'vitest';
import { prepareTemporalDatabase, setDatabaseAside } from '../../src/services/temporal-database.ts';
import { makeHome } from '../support/home.ts';

const INDEXES = ['by_workflow_id', 'by_status'];

async function create(path: string): Promise<void> {
  const database = new sqlite.Database(path);
  database.exec('create table executions_visibility (workflow_id text, status text)');
  database.exec('create index by_workflow_id on executions_visibility (workflow_id)');
  database.exec('create index by_status on executions_visibility (status)');
  database.close();
}

test('a file that was deleted alone takes what SQLite kept beside it along', async () => {
  const dbFile = join(await makeHome(), 'temporal.db');
  const beside = ['-wal', '-shm', '-journal'].map((end) => `${dbFile}${end}`);
  for (const path of [...beside, `${dbFile}.new`]) writeFileSync(path, 'of an earlier database');
  await prepareTemporalDatabase(dbFile, create);
  expect(existsSync(dbFile)).toBe(true);
  expect(beside.filter((path) => existsSync(path))).toEqual([]);
});

test('a damaged one is moved aside as a whole, in place of what was moved before', async () => {
  const dbFile = join(await makeHome(), 'temporal.db');
  const beside = ['', '-wal', '-shm'].map((end) => `${dbFile}${end}`);
  for (const path of beside) writeFileSync(path, 'damaged');
  writeFileSync(`${dbFile}.damaged-journal`, 'of an earlier one');
  expect(setDatabaseAside(dbFile)).toBe(`${dbFile}.damaged`);
  expect(beside.filter((path) => existsSync(path))).toEqual([]);
  expect(['', '-wal', '-shm', '-journal'].filter((end) => existsSync(`${dbFile}.damaged${end}`))).toEqual([
    '',
    '-wal',
    '-shm',
  ]);
});

test('the indexes that nothing asks for are dropped, and a file that is there is left alone', async () => {
  const dbFile = join(await makeHome(), 'temporal.db');
  await prepareTemporalDatabase(dbFile, create);
  const database = new sqlite.Database(dbFile);
  const left = INDEXES.filter((name) => database.get('select 1 from sqlite_master where name = ?', [name]));
  database.close();
  expect(left).toEqual(['by_workflow_id']);
  await prepareTemporalDatabase(dbFile, () => Promise.reject(new Error('made again')));
});
