// Mappings whose documents Postgres refuses to read, such as for a column that is gone: asked again after a while, and
// meanwhile no other table waits for them. Their rows stay in the queue.

import pg from 'pg';
import type { Logger } from 'pino';
import { isLedgerAway } from '../../../core/ledger/pool.ts';
import type { Mapping } from '../mapping.ts';
import { Breaker } from './breaker.ts';

export class Troubles {
  private readonly breakers = new Map<string, Breaker>();
  private readonly log: Logger;

  constructor(log: Logger) {
    this.log = log;
  }

  mayRead({ mappingId }: Mapping): boolean {
    return this.breakers.get(mappingId)?.mayAsk() ?? true;
  }

  /** Resolves to undefined when it is the mapping that can't be read. Throws what is of Postgres as a whole. */
  async reading<Result>({ mappingId, queueName }: Mapping, read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      const result = await read();
      this.breakers.delete(mappingId);
      return result;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || isLedgerAway(error)) throw error;
      const breaker = this.breakers.get(mappingId) ?? new Breaker();
      this.breakers.set(mappingId, breaker);
      breaker.failed(error.message);
      this.log.error({ table: queueName, error: error.message }, 'documents of a table can not be read now');
      return undefined;
    }
  }
}
