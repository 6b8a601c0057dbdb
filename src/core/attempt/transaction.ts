// The handler's transaction: opened at its first query, committed together with the event's mark, and taken away when
// the attempt ends, so that an abandoned handler can't write any more (rules 1 and 13).

import type pg from 'pg';
import { LedgerUnavailable } from '../errors.ts';
import type { Transaction } from '../event-type.ts';
import { isLedgerLost, refusesWrites } from '../ledger/pool.ts';
import type { Limit } from './clock.ts';

/** The commit was not answered or failed: the row says what is true. */
export class CommitUnanswered extends Error {
  override readonly name = 'CommitUnanswered';
}

const CONTROL_STATEMENT =
  /^(?:[\s;]|--[^\n\r]*[\n\r]|\/\*.*?\*\/)*(commit|end|abort|begin|start\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b/is;

const OVER = 'the transaction has ended: its attempt is over';
/** What outlives a transaction in its session: such a connection is not given to another handler. */
const SESSION_STATEMENT =
  /^\s*(?:set(?!\s+local\b)|reset|discard|listen|declare|prepare)\b|\bset_config\s*\(|\bpg_(?:try_)?advisory_lock/i;
/** The handler sets its own limit for statements: ours, which tells a silent connection, no longer says anything. */
const STATEMENT_LIMIT = /\bstatement_timeout\b/i;
const NO_LIMIT_MS = 2 ** 31 - 1;
const READ_ONLY = '25006';
const IDLE_IN_TRANSACTION = '25P03';
const IDLE_TOO_LONG =
  'Postgres ended the transaction because it was idle for too long: do what takes time before the first query of tx';

export interface AfterCommit {
  channel: string;
  payload: string;
}

export class LedgerTransaction implements Transaction {
  readonly afterCommit: AfterCommit[] = [];
  readonly #pool: pg.Pool;
  #opening: Promise<pg.PoolClient> | undefined;
  #client: pg.PoolClient | undefined;
  #ended: string | undefined;
  #idledOut = false;
  #sessionChanged = false;
  #ownLimit = false;
  /** The attempt's time limit, which doesn't run while the transaction waits for a connection. */
  limit: Limit | undefined;
  /** Set when the connection broke: what the handler threw then says nothing about the handler. */
  lost: unknown;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Whether it was never used; then it can't be used any more. */
  endUnused(): boolean {
    if (this.#opening) return false;
    this.#ended ??= OVER;
    return true;
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<pg.QueryResult<Row>> {
    if (CONTROL_STATEMENT.test(text)) {
      throw new Error(
        `tx refuses ${CONTROL_STATEMENT.exec(text)?.[1]?.toUpperCase()}: the transaction ends with the event's mark`,
      );
    }
    if (SESSION_STATEMENT.test(text)) this.#sessionChanged = true;
    if (STATEMENT_LIMIT.test(text)) this.#ownLimit = true;
    const limit = this.#ownLimit && { query_timeout: NO_LIMIT_MS };
    return this.run((client) =>
      // The extended protocol takes one statement at a time: no COMMIT can hide behind a semicolon.
      client.query<Row>({ text, values, queryMode: 'extended', ...limit } as pg.QueryConfig),
    );
  }

  /** The core's own statements in this transaction. */
  async run<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.client();
    return this.#watch(work(client));
  }

  notifyAfterCommit(channel: string, payload: string): void {
    this.afterCommit.push({ channel, payload });
  }

  /** The open transaction's connection. */
  async client(): Promise<pg.PoolClient> {
    if (this.#ended) throw new Error(this.#ended);
    this.#opening ??= this.#open();
    const client = await this.#opening;
    if (this.#ended) throw new Error(this.#ended);
    return client;
  }

  async #open(): Promise<pg.PoolClient> {
    const client = await this.#watch(this.#connect());
    if (this.#ended) {
      client.release();
      throw new Error(this.#ended);
    }
    this.#client = client;
    client.on('error', this.#onError);
    await this.#watch(client.query('begin'));
    return client;
  }

  #connect(): Promise<pg.PoolClient> {
    const connect = () => this.#pool.connect();
    return this.limit ? this.limit.offTheClock(connect) : connect();
  }

  readonly #onError = (error: Error): void => {
    if (codeOf(error) === IDLE_IN_TRANSACTION) this.#idledOut = true;
  };

  async #watch<Result>(promise: Promise<Result>): Promise<Result> {
    try {
      return await promise;
    } catch (error) {
      if (this.#idledOut) throw new Error(IDLE_TOO_LONG, { cause: error });
      if (await this.#isLost(error)) this.lost ??= error;
      throw error;
    }
  }

  async #isLost(error: unknown): Promise<boolean> {
    if (isLedgerLost(error)) return true;
    // Its own doing, another database's, or that of a ledger that has become a standby.
    return codeOf(error) === READ_ONLY && (await refusesWrites(this.#pool));
  }

  /**
   * Writes the mark and commits. False when the mark found no row: everything was rolled back. Throws CommitUnanswered
   * when nobody knows, LedgerUnavailable when it is certain that nothing was committed, or the statement's error.
   */
  async commit(writeMark: (client: pg.PoolClient) => Promise<boolean>): Promise<boolean> {
    const client = await this.client();
    this.#ended = OVER;
    try {
      if (!(await writeMark(client))) {
        await client.query('rollback');
        this.#release(client);
        return false;
      }
    } catch (error) {
      this.#destroy(client);
      if (this.#idledOut) throw new Error(IDLE_TOO_LONG, { cause: error });
      throw (await this.#isLost(error))
        ? new LedgerUnavailable(`the ledger was lost before the commit: ${(error as Error).message}`, { cause: error })
        : error;
    }
    try {
      await client.query('commit');
    } catch (error) {
      this.#destroy(client);
      throw new CommitUnanswered('the commit was not answered', { cause: error });
    }
    this.#release(client);
    return true;
  }

  /** Rolls back. A connection that is in the middle of a statement is closed instead of being waited for. */
  async rollback(): Promise<void> {
    this.#ended ??= 'the transaction was rolled back: its attempt is over';
    const client = this.#client;
    if (!client) return;
    if (!(client as unknown as { readyForQuery: boolean }).readyForQuery) return this.#abandon(client);
    try {
      await client.query('rollback');
      this.#release(client);
    } catch {
      this.#destroy(client);
    }
  }

  /** Ends the statement on the server too: closing the socket alone would let it run on and hold its locks. */
  async #abandon(client: pg.PoolClient): Promise<void> {
    const { processID } = client as unknown as { processID: number | null };
    this.#destroy(client);
    if (processID) await this.#pool.query('select pg_terminate_backend($1)', [processID]).catch(() => {});
  }

  #release(client: pg.PoolClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.off('error', this.#onError);
    client.release(this.#sessionChanged);
  }

  #destroy(client: pg.PoolClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.off('error', this.#onError);
    client.release(true);
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}
