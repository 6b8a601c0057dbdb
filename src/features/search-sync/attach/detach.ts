// Detaches a table: triggers, functions, the mapping, its indices, and the queue's rows of the table. When it was the last
// and TEM made the queue table, that goes too.

import type pg from 'pg';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import type { Mapping } from '../mapping.ts';
import { QUEUE, readQueueTable } from '../queue/table.ts';
import { deleteMapping, raiseRevision, readLoads } from '../store.ts';
import { deleteIndex } from '../target/indices.ts';
import type { Target } from '../target/target.ts';
import { removeTriggers } from './attach.ts';

const ROWS_AT_ONCE = 10_000;

/** Throws TargetAway before anything is changed when an index to be removed can't be. */
export async function detach(
  { pool, targets }: { pool: pg.Pool; targets: Record<string, Target> },
  mapping: Mapping,
  { keepIndex }: { keepIndex: boolean },
): Promise<void> {
  const loads = keepIndex ? [] : await readLoads(pool, mapping.mappingId);
  for (const { target } of loads) await targets[target]?.describe();
  await removeTriggers(pool, mapping);
  await deleteMapping(pool, mapping.mappingId);
  await raiseRevision(pool);
  for (const { target, name } of loads) {
    const known = targets[target];
    if (known) await deleteIndex(known, name);
  }
  await removeRows(pool, mapping.queueName);
  await removeQueue(pool);
}

async function removeRows(pool: pg.Pool, queueName: string): Promise<void> {
  if (!(await readQueueTable(pool))) return;
  for (;;) {
    const { rowCount } = await pool.query(
      `delete from ${QUEUE} where id in (select id from ${QUEUE} where table_name = $1 limit ${ROWS_AT_ONCE})`,
      [queueName],
    );
    if ((rowCount ?? 0) < ROWS_AT_ONCE) return;
  }
}

async function removeQueue(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtext('tem.search.queue'))");
    const { rows } = await client.query<{ last: boolean }>(
      `select s.queue_made_by_tem and not exists (select from tem.search_mapping) as last from tem.search_state s`,
    );
    if (!rows[0]?.last || !(await readQueueTable(client))) return;
    const left = await client.query(`select from ${QUEUE} limit 1`);
    if (left.rowCount !== 0) return;
    await client.query(`drop function if exists public.get_elasticsearch_queue_stats()`);
    await client.query(`drop table ${QUEUE}`);
    await client.query('update tem.search_state set queue_made_by_tem = false');
  });
}
