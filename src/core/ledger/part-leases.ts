// Leases of the background parts that run on one worker at a time: one row each, with Postgres's clock.

import type { Pool } from 'pg';

export const PART_LEASE_MS = 10_000;

/** Takes or renews the lease; false when another worker holds it. */
export async function takePart(pool: Pool, part: string, workerId: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `insert into tem.part_lease as held (part, worker_id, lease_until)
     values ($1, $2, clock_timestamp() + $3 * interval '1 ms')
     on conflict (part) do update set worker_id = excluded.worker_id, lease_until = excluded.lease_until
       where held.worker_id = excluded.worker_id or held.lease_until < clock_timestamp()`,
    [part, workerId, PART_LEASE_MS],
  );
  return rowCount === 1;
}

/** Ends the lease, if this worker holds it. */
export async function giveUpPart(pool: Pool, part: string, workerId: string): Promise<void> {
  await pool.query('delete from tem.part_lease where part = $1 and worker_id = $2', [part, workerId]);
}
