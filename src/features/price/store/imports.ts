// How far imports with a key have come, and which of their lines were rejected.

import type { Pool } from 'pg';
import type { Database } from './database.ts';

export interface ImportProgress {
  lines: number;
  created: number;
  updated: number;
  rejected: number;
}

export interface Rejection {
  line: number;
  code: string;
  detail: string;
}

const REJECTED_SHOWN_MAX = 10_000;

/** What is known of an import; it is begun when nothing is. */
export async function openImport(
  pool: Pool,
  key: string,
  format: string,
): Promise<{ progress: ImportProgress; rejected: Rejection[] }> {
  await pool.query('insert into tem.price_import (key, format) values ($1, $2) on conflict (key) do nothing', [
    key,
    format,
  ]);
  const { rows } = await pool.query<ImportProgress>(
    `select lines::float8 as lines, created::float8 as created, updated::float8 as updated, rejected::float8 as rejected
     from tem.price_import where key = $1`,
    [key],
  );
  const rejected = await pool.query<Rejection>(
    `select line::float8 as line, code, detail from tem.price_import_rejection where import = $1 order by line limit $2`,
    [key, REJECTED_SHOWN_MAX],
  );
  return { progress: rows[0] as ImportProgress, rejected: rejected.rows };
}

/** In the transaction that writes the rows. */
export async function writeProgress(
  database: Database,
  key: string,
  progress: ImportProgress,
  rejected: readonly Rejection[],
  done: boolean,
): Promise<void> {
  await database.query(
    `update tem.price_import set lines = $2, created = $3, updated = $4, rejected = $5, done = $6,
       updated_at = clock_timestamp() where key = $1`,
    [key, progress.lines, progress.created, progress.updated, progress.rejected, done],
  );
  if (rejected.length === 0) return;
  await database.query(
    `insert into tem.price_import_rejection (import, line, code, detail)
     select $1, * from unnest($2::bigint[], $3::text[], $4::text[]) on conflict do nothing`,
    [key, rejected.map(({ line }) => line), rejected.map(({ code }) => code), rejected.map(({ detail }) => detail)],
  );
}
