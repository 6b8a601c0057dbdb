// The SQL of definitions.

import type { Pool } from 'pg';
import type { Definition } from '../messages.ts';

export interface StoredReport {
  id: string;
  definition: Definition;
  createdAt: Date;
  updatedAt: Date;
}

const COLUMNS = 'id, definition, created_at as "createdAt", updated_at as "updatedAt"';

export async function putReport(
  pool: Pick<Pool, 'query'>,
  id: string,
  definition: Definition,
): Promise<StoredReport & { created: boolean }> {
  const { rows } = await pool.query<StoredReport & { created: boolean }>(
    `insert into tem.report (id, definition) values ($1, $2)
     on conflict (id) do update set definition = excluded.definition, updated_at = clock_timestamp()
     returning ${COLUMNS}, xmax = 0 as created`,
    [id, JSON.stringify(definition)],
  );
  return rows[0] as StoredReport & { created: boolean };
}

export async function readReport(pool: Pick<Pool, 'query'>, id: string): Promise<StoredReport | undefined> {
  const { rows } = await pool.query<StoredReport>(`select ${COLUMNS} from tem.report where id = $1`, [id]);
  return rows[0];
}

/** In the order of their ids, after `after`. */
export async function listReports(pool: Pool, after: string | undefined, limit: number): Promise<StoredReport[]> {
  const { rows } = await pool.query<StoredReport>(
    `select ${COLUMNS} from tem.report where $1::text is null or id > $1 order by id limit $2`,
    [after ?? null, limit],
  );
  return rows;
}

export async function deleteReport(pool: Pick<Pool, 'query'>, id: string): Promise<boolean> {
  const { rowCount } = await pool.query('delete from tem.report where id = $1', [id]);
  return rowCount === 1;
}

/** Adds a definition that comes with TEM, unless somebody made one of this name. */
export async function addReport(pool: Pool, id: string, definition: Definition): Promise<void> {
  await pool.query('insert into tem.report (id, definition) values ($1, $2) on conflict do nothing', [
    id,
    JSON.stringify(definition),
  ]);
}
