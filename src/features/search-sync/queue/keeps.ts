// What the queue keeps of a change. People read it in tem.search_state; triggers read it in a sequence, which costs them
// next to nothing and shows a change at once, also to a transaction whose snapshot is older.

import type pg from 'pg';

export type Keeps = 'whole' | 'marks' | 'full';

/** The values of the sequence `tem.search_keeps`. */
export const KEEPS: Record<Keeps, number> = { whole: 0, marks: 1, full: 2 };

export async function readKeeps(pool: pg.Pool): Promise<Keeps> {
  const { rows } = await pool.query<{ keeps: Keeps }>('select s.keeps from tem.search_state s');
  return rows[0]?.keeps ?? 'whole';
}

/** The same again repairs what a crash left half done. */
export async function setKeeps(pool: pg.Pool, wanted: Keeps): Promise<void> {
  // Full only while the state says so, because leaving it is what has tables compared; and whoever may still have found the
  // queue full began to write before the transaction that notes it.
  if (wanted !== 'full') await tellTriggers(pool, wanted);
  await pool.query(
    `update tem.search_state set keeps = $1,
      compare_after = case when keeps = 'full' then pg_current_xact_id() else compare_after end where keeps <> $1`,
    [wanted],
  );
  if (wanted === 'full') await tellTriggers(pool, wanted);
}

async function tellTriggers(pool: pg.Pool, keeps: Keeps): Promise<void> {
  await pool.query(`select setval('tem.search_keeps', $1)`, [KEEPS[keeps]]);
}
