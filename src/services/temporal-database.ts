// The embedded Temporal's database file. The development server keeps 48 indexes on its visibility table and writes each
// of them twice per workflow, more than half of its CPU; only two serve what TEM and the Web UI ask. The others are
// dropped once, when the file is made. See docs/decisions/0005.

import { existsSync, renameSync, rmSync } from 'node:fs';
import sqlite from 'node-sqlite3-wasm';

/** Ends of the names of a database's files. */
const FILES = ['', '-journal', '-wal', '-shm', '.lock'];
const KEPT_INDEXES = ['default_idx', 'by_workflow_id'];

/**
 * Makes the database file when it isn't there. `createAt` runs a server on the given path until its schema is complete,
 * and stops it. A file that is there is left as it is.
 */
export async function prepareTemporalDatabase(
  dbFile: string,
  createAt: (path: string) => Promise<void>,
): Promise<void> {
  if (existsSync(dbFile)) return;
  const unfinished = `${dbFile}.new`;
  removeDatabase(unfinished);
  await createAt(unfinished);
  dropIndexes(unfinished);
  // A person may have deleted the file alone: what SQLite keeps beside it would be taken for the new one's.
  removeDatabase(dbFile);
  renameSync(unfinished, dbFile);
}

/** Moves a database and what SQLite keeps beside it out of the way, in place of one that was moved before; returns where. */
export function setDatabaseAside(path: string): string {
  const aside = `${path}.damaged`;
  removeDatabase(aside);
  for (const end of FILES) if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${aside}${end}`);
  return aside;
}

function removeDatabase(path: string): void {
  for (const end of FILES) rmSync(`${path}${end}`, { force: true, recursive: true });
}

function dropIndexes(path: string): void {
  const database = new sqlite.Database(path);
  try {
    const rows = database.all(
      `select name from sqlite_master where type = 'index' and tbl_name = 'executions_visibility' and sql is not null`,
    );
    const names = rows
      .map((row) => String((row as { name: unknown }).name))
      .filter((name) => !KEPT_INDEXES.includes(name));
    for (const name of names) database.exec(`drop index "${name}"`);
  } finally {
    database.close();
  }
}
