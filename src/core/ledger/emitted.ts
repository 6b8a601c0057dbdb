// What an event has emitted. The source of an emitted event names the one whose handler did it, and an index has these.

import type { Pool } from 'pg';
import type { EventState } from './states.ts';

export interface EmittedRow {
  id: string;
  type: string;
  key: string;
  group: string;
  state: EventState;
  created_at: Date;
}

/** The `source` of what the event emits. */
export function emittedBy(id: string): string {
  return `emit ${id}`;
}

/** In order of their ids, after `after`. */
export async function listEmitted(
  pool: Pool,
  id: string,
  after: string | undefined,
  limit: number,
): Promise<EmittedRow[]> {
  const { rows } = await pool.query<EmittedRow>(
    `select id, type, key, "group", state, created_at from tem.event
      where source = $1 and starts_with(source, 'emit ') and ($2::uuid is null or id > $2) order by id limit $3`,
    [emittedBy(id), after ?? null, limit],
  );
  return rows;
}
