// A processor's life in the ledger: its lease, and the freeing of what dead processors had in hand. Rows in processing that
// nobody has, such as those of the processor that a queue had before TEM, are taken again too.

import { hostname } from 'node:os';
import type pg from 'pg';
import { QUEUE } from '../queue/table.ts';

const LEASE_MS = 12_000;

export async function renewLease(pool: pg.Pool, processorId: string): Promise<void> {
  await pool.query(
    `insert into tem.search_processor (id, lease_until, host, pid)
      values ($1, clock_timestamp() + $2 * interval '1 ms', $3, $4)
      on conflict (id) do update set lease_until = excluded.lease_until`,
    [processorId, LEASE_MS, hostname(), process.pid],
  );
}

export async function endLease(pool: pg.Pool, processorId: string): Promise<void> {
  await pool.query('delete from tem.search_processor where id = $1', [processorId]);
}

/** Gives back what nobody alive has; resolves to how many rows of the queue. */
export async function freeAbandoned(pool: pg.Pool, idType: string | undefined): Promise<number> {
  await pool.query(`
    with dead as (
      delete from tem.search_batch b where not exists (
        select from tem.search_processor p where p.id = b.processor_id and p.lease_until > clock_timestamp()) returning b.id
    )
    update tem.search_dirty d set batch_id = null from dead where d.batch_id = dead.id`);
  await pool.query(`update tem.search_dirty d set batch_id = null
    where d.batch_id is not null and not exists (select from tem.search_batch b where b.id = d.batch_id)`);
  await pool.query(`delete from tem.search_processor where lease_until < clock_timestamp() - interval '1 minute'`);
  if (idType === undefined) return 0;
  // A claim makes row and batch in one transaction, so that no snapshot sees the one without the other.
  const { rowCount } = await pool.query(
    `update ${QUEUE} q set status = 'pending' where q.status = 'processing'
      and q.id not in (select unnest(b.queue_ids)::${idType} from tem.search_batch b)`,
  );
  return rowCount ?? 0;
}

/** Moves the versions on to the clock, after a restore from a backup: those in the indices are higher else. */
export async function raiseVersion(pool: pg.Pool): Promise<void> {
  await pool.query('select tem.search_raise_version()');
}
