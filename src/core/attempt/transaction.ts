// The handler's transaction: opened at its first query, committed together with the event's mark, and taken away when
// the attempt ends, so that an abandoned handler can't write any more (rules 1 and 13).

import type pg from 'pg';
import { LedgerUnavailable } from '../errors.ts';
import type { Transaction } from '../event-type.ts';
import { isUnavailable } from '../ledger/pool.ts';

/** The commit was not answered or failed: the row says what is true. */
export class CommitUnanswered extends Error {
  override readonly name = 'CommitUnanswered';
}

const CONTROL_STATEMENT =
  /^(?:[\s;]|--[^\n\r]*[\n\r]|\/\*.*?\*\/)*(commit|end|abort|begin|start\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b/is;

const OVER = 'the transaction has ended: its attempt is over';

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
    const client = await this.client();
    return this.#watch(
      // The extended protocol takes one statement at a time: no COMMIT can hide behind a semicolon.
      client.query<Row>({ text, values, queryMode: 'extended' } as pg.QueryConfig),
    );
  }

  notifyAfterCommit(channel: string, payload: string): void {
    this.afterCommit.push({ channel, payload });
  }

  /** The open transaction's connection, for the core's own statements. */
  async client(): Promise<pg.PoolClient> {
    if (this.#ended) throw new Error(this.#ended);
    this.#opening ??= this.#open();
    const client = await this.#opening;
    if (this.#ended) throw new Error(this.#ended);
    return client;
  }

  async #open(): Promise<pg.PoolClient> {
    const client = await this.#watch(this.#pool.connect());
    if (this.#ended) {
      client.release();
      throw new Error(this.#ended);
    }
    this.#client = client;
    await this.#watch(client.query('begin'));
    return client;
  }

  async #watch<Result>(promise: Promise<Result>): Promise<Result> {
    try {
      return await promise;
    } catch (error) {
      if (isUnavailable(error)) this.lost ??= error;
      throw error;
    }
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
      throw isUnavailable(error)
        ? new LedgerUnavailable('the ledger was lost before the commit', { cause: error })
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
    client.release();
  }

  #destroy(client: pg.PoolClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.release(true);
  }
}
