// Pools of connections to the ledger, each of them a session that states what TEM relies on; and one function tells "the
// ledger is away" from an error of the statement itself.

import pg from 'pg';
import { TimedPool, timedClient } from './query-time.ts';
import { type SessionOptions, SessionRefused, sessionConfig, sessionSettings } from './session.ts';

export interface PoolOptions extends SessionOptions {
  max: number;
  /** Whether connections stay open when nobody uses them. */
  keptOpen?: boolean;
  /** How long a caller waits for a free connection; 2 s by default, so that an answer of 503 is quick. */
  connectionTimeoutMs?: number;
  /**
   * How long a caller waits for the answer to one statement; without end unless given. A connection that goes silent
   * reports nothing: who waited gives it up after this, and the next statement takes another.
   */
  queryTimeoutMs?: number;
  /** Its statements are counted for whoever asks by `countQueryTime`. */
  timed?: boolean;
}

const CONNECTION_TIMEOUT_MS = 2_000;
const KEEPALIVE_DELAY_MS = 5_000;

/** What a pool of sessions is made with, and a single session such as a listener's. */
export function connectionConfig(
  databaseUrl: string,
  options: PoolOptions,
): pg.PoolConfig & { Client: typeof pg.Client } {
  return {
    ...sessionConfig(databaseUrl, options.applicationName, sessionSettings(options)),
    max: options.max,
    ...(options.keptOpen && { min: options.max }),
    connectionTimeoutMillis: options.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS,
    ...(options.queryTimeoutMs !== undefined && { query_timeout: options.queryTimeoutMs }),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
  };
}

/** A pool of sessions on the ledger. Idle connections that break are dropped quietly: the next query opens another. */
export function createPool(databaseUrl: string, options: PoolOptions): pg.Pool {
  const config = connectionConfig(databaseUrl, options);
  const pool = options.timed ? new TimedPool({ ...config, Client: timedClient(config.Client) }) : new pg.Pool(config);
  pool.on('error', () => {});
  return pool;
}

/** Reads in a transaction of its own whose statements may take `withinMs`, whatever the pool's limit is. */
export async function readWithin<Result>(
  pool: pg.Pool,
  withinMs: number,
  read: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin read only');
    await client.query(`set local statement_timeout = ${withinMs}`);
    return await read(client);
  } finally {
    await client.query('rollback').catch((error: Error) => {
      broken = error;
    });
    client.release(broken);
  }
}

const AWAY_SQLSTATES = /^(08|57P0|53|58|25006)/;
// Shutting down, crashed or starting; disk full; out of connections.
const LOST_SQLSTATES = /^(57P0|53100|53300)/;
// The statement lost to another one, or to its own limit: the same call may go well the next time.
const CONTENDED_SQLSTATES = /^(40001|40P01|55P03|57014|25P03)/;
const UNAVAILABLE_SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
const UNAVAILABLE_MESSAGES =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|not queryable|Connection ended/i;

/**
 * Whether an error of TEM's own statements means "not now": the ledger is away, or the statement lost to another one. A
 * handler's statements are judged by `isLedgerLost`: its deadlocks and timeouts are its own failures.
 */
export function isUnavailable(error: unknown): boolean {
  return isLedgerAway(error) || isContended(error);
}

const DISK_FULL = '53100';
const LOCK_NOT_AVAILABLE = '55P03';

/** Whether Postgres had no room left to write. */
export function isDiskFull(error: unknown): boolean {
  return (error as { code?: unknown }).code === DISK_FULL;
}

/**
 * Whether an error means that the ledger is away for now (connection lost, starting up, read-only, disk full, out of
 * connections), and not that the statement was wrong.
 */
export function isLedgerAway(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isLedgerAway);
  if (!(error instanceof Error)) return false;
  if (error instanceof SessionRefused) return true;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (AWAY_SQLSTATES.test(code) || UNAVAILABLE_SOCKET_CODES.has(code))) return true;
  // pg gives these without a code.
  return typeof code !== 'string' && UNAVAILABLE_MESSAGES.test(error.message);
}

/**
 * The same for a statement of a handler: what the server answered on a connection that is well is the handler's own, such
 * as another database that its statement can't reach, unless it is about the ledger as a whole.
 */
export function isLedgerLost(error: unknown): boolean {
  return isLedgerAway(error) && (!(error instanceof pg.DatabaseError) || LOST_SQLSTATES.test(error.code ?? ''));
}

/** Whether the ledger takes no writes now, such as a standby; yes when it doesn't answer either. */
export async function refusesWrites(pool: pg.Pool): Promise<boolean> {
  try {
    const { rows } = await pool.query<{ refuses: boolean }>(
      `select pg_is_in_recovery() or current_setting('transaction_read_only')::bool as refuses`,
    );
    return rows[0]?.refuses !== false;
  } catch {
    return true;
  }
}

/** Whether a statement gave up because somebody holds what it needs: the same call goes well when that has ended. */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE;
}

function isContended(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && CONTENDED_SQLSTATES.test(code);
}
