// Connections to the ledger. Every session states what TEM relies on (rule 13, rule 15), so that a server's or a role's
// default can't weaken a 202; and one function tells "the ledger is away" from an error of the statement itself.

import pg from 'pg';

export interface PoolOptions {
  max: number;
  /** Whether connections stay open when nobody uses them. */
  keptOpen?: boolean;
  applicationName: string;
  /** For handlers, who name their own tables: keeps the role's search_path. */
  forHandlers?: boolean;
  /**
   * All its statements look up rows by an index, whatever their values and however few rows there are yet: each plan is
   * made once, without a look at the statistics.
   */
  looksUp?: boolean;
  /** The longest that one statement may take; 30 s by default. */
  statementTimeoutMs?: number;
  /** How long a caller waits for a free connection; 2 s by default, so that an answer of 503 is quick. */
  connectionTimeoutMs?: number;
  /**
   * How long a caller waits for the answer to one statement; without end unless given. A connection that goes silent
   * reports nothing: who waited gives it up after this, and the next statement takes another.
   */
  queryTimeoutMs?: number;
}

const STATEMENT_TIMEOUT_MS = 30_000;
const CONNECTION_TIMEOUT_MS = 2_000;
// A frozen process must not hold its row locks against its neighbours.
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 20_000;
const KEEPALIVE_DELAY_MS = 5_000;

/** Settings of a single TEM session; also used by listeners. */
export function sessionOptions(databaseUrl: string, options: PoolOptions): pg.PoolConfig {
  const settings = {
    synchronous_commit: 'on',
    statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    tcp_keepalives_idle: 5,
    tcp_keepalives_interval: 2,
    tcp_keepalives_count: 3,
    // Claims and marks are index look-ups whose plans must not change with the statistics of a bursty table.
    jit: 'off',
    // Else Postgres plans statements that take arrays anew each time, which can take longer than they do; and a plan made
    // when all events were on one page reads them all until the next analyze, however many there are by then.
    ...(options.looksUp && {
      plan_cache_mode: 'force_generic_plan',
      enable_seqscan: 'off',
      enable_hashjoin: 'off',
      enable_mergejoin: 'off',
    }),
    ...(!options.forHandlers && {
      // Times that are kept as text are compared as text.
      timezone: 'UTC',
      datestyle: 'ISO',
      // What another role may have made in a schema that everybody may write to is never called in its place.
      search_path: 'pg_catalog,pg_temp',
    }),
  };
  const { connectionString, given } = withoutOptions(databaseUrl);
  return {
    connectionString,
    application_name: options.applicationName,
    max: options.max,
    ...(options.keptOpen && { min: options.max }),
    connectionTimeoutMillis: options.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS,
    ...(options.queryTimeoutMs !== undefined && { query_timeout: options.queryTimeoutMs }),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
    // The last one of a name counts: TEM's stand after those of the URL.
    options: [...given, ...Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)].join(' '),
  };
}

/** pg would take a URL's `options` instead of TEM's. */
function withoutOptions(databaseUrl: string): { connectionString: string; given: string[] } {
  const url = new URL(databaseUrl);
  const given = url.searchParams.getAll('options');
  if (given.length === 0) return { connectionString: databaseUrl, given };
  url.searchParams.delete('options');
  return { connectionString: url.href, given };
}

/** A pool of sessions on the ledger. Idle connections that break are dropped quietly: the next query opens another. */
export function createPool(databaseUrl: string, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool(sessionOptions(databaseUrl, options));
  pool.on('error', () => {});
  // A connection that breaks while it is checked out reports to its query too; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
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
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|Connection ended/i;

/**
 * Whether an error of TEM's own statements means "not now": the ledger is away, or the statement lost to another one. A
 * handler's statements are judged by `isLedgerLost`: its deadlocks and timeouts are its own failures.
 */
export function isUnavailable(error: unknown): boolean {
  return isLedgerAway(error) || isContended(error);
}

const DISK_FULL = '53100';

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

function isContended(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && CONTENDED_SQLSTATES.test(code);
}
