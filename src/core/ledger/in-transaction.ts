// One transaction on a connection of the pool, for what must be decided and written together.

import type { Pool, PoolClient } from 'pg';
import { reasonGiven } from '../audit-reason.ts';

export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const reason = reasonGiven();
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    if (reason !== undefined) await client.query(`select set_config('tem.reason', $1, true)`, [reason]);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failed: Error) => {
      broken = failed;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
