// What people do to the queue: retry what failed, clear it, stop and start. Each is lasting, seen by all processors, and
// kept with who did it.

import type pg from 'pg';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import { CHANNEL } from '../processor/channel.ts';
import { noteChange } from '../store.ts';
import { QUEUE, readQueueTable } from './table.ts';

/** Makes failed rows wait again; resolves to how many. */
export async function retryFailed(pool: pg.Pool, actor: string): Promise<number> {
  if (!(await readQueueTable(pool))) return 0;
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `update ${QUEUE} set status = 'pending', retry_count = 0, error_message = null, processed_at = null
        where status = 'failed'`,
    );
    await noteChange(client, actor, 'retry-failed', { rows: rowCount });
    await client.query('select pg_notify($1, $2)', [CHANNEL, '']);
    return rowCount ?? 0;
  });
}

export interface Cleared {
  cleared: number;
  /** Rows dropped by their status. */
  dropped: Record<string, number>;
}

/**
 * Drops rows that wait, have failed or are done; what a processor has in hand goes on. A dropped change is in the index only
 * after the record's next change or a comparison.
 */
export async function clearQueue(pool: pg.Pool, actor: string): Promise<Cleared> {
  if (!(await readQueueTable(pool))) return { cleared: 0, dropped: {} };
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ status: string; count: number }>(
      `with gone as (delete from ${QUEUE} where status <> 'processing' returning status)
        select status, count(*)::int as count from gone group by status order by status`,
    );
    const dropped = Object.fromEntries(rows.map(({ status, count }) => [status, count]));
    await noteChange(client, actor, 'clear', dropped);
    return { cleared: rows.reduce((sum, { count }) => sum + count, 0), dropped };
  });
}

/** Resolves to whether this changed anything. */
export async function setPaused(pool: pg.Pool, actor: string, paused: boolean): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `update tem.search_state set paused = $1, paused_by = case when $1 then $2 end, paused_at = case when $1 then now() end
        where paused <> $1`,
      [paused, actor],
    );
    await noteChange(client, actor, paused ? 'stop' : 'start', null);
    await client.query('select pg_notify($1, $2)', [CHANNEL, '']);
    return rowCount === 1;
  });
}
