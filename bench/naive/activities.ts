// The activities of the naive design: one Postgres update each for the marks, and a handler that does nothing.

import type { Pool } from 'pg';

export interface NaiveActivities {
  markProcessing(id: string): Promise<void>;
  handle(id: string): Promise<void>;
  markProcessed(id: string): Promise<void>;
}

export function createNaiveActivities(pool: Pool): NaiveActivities {
  const mark = async (id: string, state: string): Promise<void> => {
    await pool.query('update naive_event set state = $2, updated_at = now() where id = $1', [id, state]);
  };
  return {
    markProcessing: (id) => mark(id, 'PROCESSING'),
    async handle() {},
    markProcessed: (id) => mark(id, 'PROCESSED'),
  };
}
