// Connections that read the mapped tables. Names in a mapping's SQL mean what they mean to the role's search_path; how values
// become text is fixed, so that a record's id and its document are the same in every session.

import pg from 'pg';
import { connectionConfig } from '../../../core/ledger/pool.ts';

const SET = `set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set bytea_output = 'hex'`;
const STATEMENT_TIMEOUT_MS = 120_000;

export function sourcePool(databaseUrl: string, max: number, applicationName: string): pg.Pool {
  const options = { max, applicationName, forHandlers: true, statementTimeoutMs: STATEMENT_TIMEOUT_MS };
  const pool = new pg.Pool({
    ...connectionConfig(databaseUrl, options),
    verify(client: pg.PoolClient, callback: (error?: Error) => void) {
      client.query(SET).then(() => callback(), callback);
    },
  } as pg.PoolConfig);
  // The next query opens another.
  pool.on('error', () => {});
  return pool;
}
