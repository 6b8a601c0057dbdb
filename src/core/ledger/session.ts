// One session on the ledger. It is told what TEM relies on (rules 13 and 15) once it is connected, whatever a pooler made of
// its startup, so that no default of a server, a database or a role, no option of the URL and no variable of libpq can
// weaken a 202 or change what an answer says.

import pg from 'pg';
import { sharesSessions } from './shared-sessions.ts';

export interface SessionOptions {
  applicationName: string;
  /** For handlers, who name their own tables: keeps the role's search_path, time zone and order of day and month. */
  forHandlers?: boolean | undefined;
  /**
   * All its statements look up rows by an index, whatever their values and however few rows there are yet: each plan is
   * made once, without a look at the statistics.
   */
  looksUp?: boolean | undefined;
  /** The longest that one statement may take, 0 without end; 30 s by default. */
  statementTimeoutMs?: number | undefined;
}

/** The session can't be what TEM needs; the message says why and what to do. */
export class SessionRefused extends Error {
  override readonly name = 'SessionRefused';
}

const STATEMENT_TIMEOUT_MS = 30_000;
/**
 * How long TEM's own statements wait for a lock. Begins, marks and those over several rows wait for no row at all; this is
 * for the rest, and for tables. Handlers wait as they like, and so does what may take without end.
 */
const LOCK_TIMEOUT_MS = 1_000;
// A frozen process must not hold its row locks against its neighbours.
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 20_000;
const SETTINGS_WITHIN_MS = 5_000;
const SECOND_CONNECTED_WITHIN_MS = 1_000;
const SHARED =
  'a pooler in between is in transaction mode: what TEM sets for its own sessions would reach those of others. Use session mode, or a direct connection';

/** Every setting by which somebody could change what TEM's statements do, with the value that they are written for. */
export function sessionSettings({ forHandlers, looksUp, statementTimeoutMs }: SessionOptions): Record<string, string> {
  return {
    synchronous_commit: 'on',
    // Marks, claims and fences are statements that look again at a row that another one has changed meanwhile.
    default_transaction_isolation: 'read committed',
    statement_timeout: String(statementTimeoutMs ?? STATEMENT_TIMEOUT_MS),
    idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_TIMEOUT_MS),
    lock_timeout: String(forHandlers || statementTimeoutMs === 0 ? 0 : LOCK_TIMEOUT_MS),
    transaction_timeout: '0',
    idle_session_timeout: '0',
    tcp_keepalives_idle: '5',
    tcp_keepalives_interval: '2',
    tcp_keepalives_count: '3',
    exit_on_error: 'off',
    // Else constraints and triggers don't count. Only a superuser may set it, and it is only set when it is another.
    session_replication_role: 'origin',
    // How texts are read, and how numbers are written.
    client_encoding: 'UTF8',
    standard_conforming_strings: 'on',
    transform_null_equals: 'off',
    array_nulls: 'on',
    extra_float_digits: '1',
    // Claims and marks are index look-ups whose plans must not change with the statistics of a bursty table.
    jit: 'off',
    enable_indexscan: 'on',
    enable_nestloop: 'on',
    enable_sort: 'on',
    // Else Postgres plans statements that take arrays anew each time, which can take longer than they do; and a plan made
    // when all events were on one page reads them all until the next analyze, however many there are by then.
    ...(looksUp
      ? {
          plan_cache_mode: 'force_generic_plan',
          enable_seqscan: 'off',
          enable_hashjoin: 'off',
          enable_mergejoin: 'off',
        }
      : { plan_cache_mode: 'auto' }),
    // The driver reads no other form: a time would be null. Without a second word the order of day and month stays.
    DateStyle: forHandlers ? 'ISO' : 'ISO, MDY',
    IntervalStyle: 'postgres',
    ...(!forHandlers && {
      // Times that are kept as text are compared as text.
      TimeZone: 'UTC',
      // What another role may have made in a schema that everybody may write to is never called in its place.
      search_path: 'pg_catalog,pg_temp',
    }),
  };
}

// Qualified to the last operator, because it runs with whatever search_path is there before.
const SET = `
  select array(
    select pg_catalog.set_config(s.name, s.value, false)
      from rows from (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) as s(name, value)
      -- Null for a setting that this server's version doesn't have.
      where pg_catalog.current_setting(s.name, true) operator(pg_catalog.<>) s.value)`;

/** What a connection on `databaseUrl` needs; `Client` is the class that states `settings`, none unless given. */
export function sessionConfig(
  databaseUrl: string,
  applicationName: string,
  settings: Record<string, string> = {},
): pg.ClientConfig & { Client: typeof pg.Client } {
  // Without TLS, as the URL of the embedded Postgres says, there is none to negotiate either.
  const isPlain = new URL(databaseUrl).searchParams.get('sslmode') === 'disable';
  return {
    connectionString: databaseUrl,
    application_name: applicationName,
    ...(isPlain && { sslnegotiation: 'postgres' }),
    // Else PGCLIENT_ENCODING decides how the driver reads texts.
    client_encoding: 'utf8',
    Client: sessionClass(databaseUrl, settings),
  };
}

function sessionClass(databaseUrl: string, settings: Record<string, string>): typeof pg.Client {
  const names = Object.keys(settings);
  const values = Object.values(settings);
  const given = new URL(databaseUrl).searchParams.getAll('options').join(' ');
  // Asked once by all sessions of a pool.
  let shares: Promise<boolean> | undefined;
  return class Session extends pg.Client {
    readonly #config: pg.ClientConfig;

    constructor(config: pg.ClientConfig) {
      super(config);
      this.#config = config;
      // A connection that breaks reports to its query too; without a listener it would end the process.
      this.on('error', () => {});
      const { connectionParameters } = this as unknown as { connectionParameters: Record<string, unknown> };
      // The driver would take PGOPTIONS and PGREPLICATION, and of several options in a URL only one.
      Object.assign(connectionParameters, { options: given === '' ? undefined : given, replication: undefined });
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: ((error: Error) => void) | ((error: null, client: pg.ClientBase) => void)): void;
    override connect(callback?: unknown): Promise<pg.Client> | undefined {
      const connected = super.connect().then(() => this.#state());
      if (callback === undefined) return connected;
      const answer = callback as (error: Error | null, client?: pg.Client) => void;
      connected.then(
        () => answer(null, this),
        (error: Error) => answer(error),
      );
      return undefined;
    }

    async #state(): Promise<pg.Client> {
      if (names.length === 0) return this;
      try {
        shares ??= sharesSessions(this, () => this.#second());
        if (await shares) throw new SessionRefused(SHARED);
        await this.query({ text: SET, values: [names, values], query_timeout: SETTINGS_WITHIN_MS } as pg.QueryConfig);
        return this;
      } catch (error) {
        // The next session asks anew: the address may lead elsewhere by then.
        shares = undefined;
        void this.end().catch(() => {});
        throw error instanceof pg.DatabaseError && /^(42|22)/.test(error.code ?? '')
          ? new SessionRefused(`TEM's settings can't be stated in a session (${error.message}): grant or reset them`)
          : error;
      }
    }

    /** A connection to the same place that states nothing. */
    #second(): pg.Client {
      const { stream: _, ...place } = this.#config;
      const Plain = sessionClass(databaseUrl, {});
      return new Plain({ ...place, connectionTimeoutMillis: SECOND_CONNECTED_WITHIN_MS });
    }
  };
}
