// Acknowledgements on their way to the ledger: those that arrive while a statement runs share the next one. How many
// can wait is bounded by the connections, which stop reading until theirs are written.

import type { Logger } from 'pino';
import type { Connection } from './connection.ts';

interface Ack {
  connection: Connection;
  id: string;
}

const ACKS_PER_STATEMENT_MAX = 1_000;
const RETRY_DELAY_MS = 1_000;

export class Acks {
  readonly #write: (acks: readonly { user: string; id: string }[]) => Promise<unknown>;
  readonly #log: Logger;
  #waiting: Ack[] = [];
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(write: (acks: readonly { user: string; id: string }[]) => Promise<unknown>, log: Logger) {
    this.#write = write;
    this.#log = log;
  }

  add(connection: Connection, id: string): void {
    this.#waiting.push({ connection, id });
    if (this.#retry === undefined) void this.flush();
  }

  /** Resolves when what is there has been written, or could not be. */
  async flush(): Promise<void> {
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll();
    await this.#writing;
  }

  stop(): void {
    clearTimeout(this.#retry);
  }

  async #writeAll(): Promise<void> {
    let batch: Ack[] = [];
    try {
      while (this.#waiting.length > 0) {
        batch = this.#waiting.splice(0, ACKS_PER_STATEMENT_MAX);
        await this.#write(batch.map(({ connection, id }) => ({ user: connection.user, id })));
        for (const { connection } of batch) connection.ackWritten();
      }
    } catch (error) {
      this.#waiting.unshift(...batch);
      this.#log.warn({ error: (error as Error).message }, 'acknowledgements were not written, trying again');
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        void this.flush();
      }, RETRY_DELAY_MS);
    } finally {
      // In the same turn as the last look at what waits: a moment later an acknowledgement could be left behind.
      this.#writing = undefined;
    }
  }
}
