// What the store's functions run their statements on: a pool, one of its connections, or a handler's transaction.

import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';
import type { Queryable } from '../../../core/ledger/accept.ts';

export interface Database {
  query<Row extends QueryResultRow = QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<Row>>;
}

/** For the core's own statements, which come with names that a handler's transaction doesn't take. */
export function asQueryable(database: Database): Queryable {
  return { query: ({ text, values }) => database.query(text, values) };
}

/** Runs `work` in a transaction of its own. */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
