// Which of the relay's runs still have an event on its way to or in an attempt.

import type { Pool } from 'pg';

/** Of the given events, those that are claimed and not begun, or in an attempt. */
export async function heldRuns(pool: Pool, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>({
    name: 'held-runs',
    text: 'select id from tem.event where id = any($1::uuid[]) and worker_id is not null and due_by is not null',
    values: [ids],
  });
  return new Set(rows.map((row) => row.id));
}
