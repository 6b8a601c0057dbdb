// What the store's functions run their statements on: a pool, one of its connections, or a handler's transaction.

import type { QueryResult, QueryResultRow } from 'pg';
import type { Queryable } from '../../../core/ledger/accept.ts';

export interface Database {
  query<Row extends QueryResultRow = QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<Row>>;
}

/** For the core's own statements, which come with names that a handler's transaction doesn't take. */
export function asQueryable(database: Database): Queryable {
  return { query: ({ text, values }) => database.query(text, values) };
}
