// What was found out about an event after its attempt had ended. Its state doesn't change by it.

import type { Pool } from 'pg';

export async function noteAfterEnd(pool: Pool, id: string, text: string): Promise<void> {
  await pool.query('update tem.event set last_error = $2, updated_at = clock_timestamp() where id = $1', [id, text]);
}
