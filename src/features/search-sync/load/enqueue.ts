// The event that fills an index, accepted where the index is made.

import type pg from 'pg';

export const LOAD_TYPE = 'search.load';

/** Accepts the event for an index; again for one that has it changes nothing. */
export async function enqueueLoad(pool: Pick<pg.Pool, 'query'>, indexId: string): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `update tem.search_index set event_id = tem.enqueue($2, jsonb_build_object('index', $1::text), $1::text)
      where id = $1::bigint returning event_id as id`,
    [indexId, LOAD_TYPE],
  );
  return rows[0]?.id ?? '';
}
