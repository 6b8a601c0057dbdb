// The embedded Temporal's database file. The development server keeps 48 indexes on its visibility table and writes each
// of them twice per workflow, more than half of its CPU; only two serve what TEM and the Web UI ask. The others are
// dropped once, when the file is made. See docs/decisions/0005.

import { existsSync, renameSync, rmSync } from 'node:fs';
import sqlite from 'node-sqlite3-wasm';

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
  for (const path of [unfinished, `${unfinished}-journal`, `${unfinished}-wal`, `${unfinished}-shm`])
    rmSync(path, { force: true });
  rmSync(`${unfinished}.lock`, { force: true, recursive: true });
  await createAt(unfinished);
  dropIndexes(unfinished);
  renameSync(unfinished, dbFile);
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
