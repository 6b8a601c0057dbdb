// Events that have waited before anybody could see them: a relay takes them for a sign that it doesn't keep up.

import type { Pool, PoolClient } from 'pg';

/** Accepts events in one transaction, all that are due as if they had been for `byMs`, in their order. */
export async function acceptLate<Result>(
  pool: Pool,
  byMs: number,
  accept: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await accept(client);
    await client.query(
      `update tem.event set due_at = due_at - $1 * interval '1 ms' where created_at = now() and due_at <= clock_timestamp()`,
      [byMs],
    );
    await client.query('commit');
    return result;
  } finally {
    client.release();
  }
}
