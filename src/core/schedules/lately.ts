// Whether a schedule's row, or what Temporal holds of it, has changed so lately that a firing may still be of the one before.

import type { Pool } from 'pg';

const LATELY_MS = 20_000;

export async function changedLately(pool: Pool, id: string): Promise<boolean> {
  const { rows } = await pool.query<{ lately: boolean }>(
    `select greatest(s.updated_at, st.synced_at) > clock_timestamp() - $2 * interval '1 ms'
       or st.synced_revision is distinct from st.revision or st.drift is not null as lately
     from tem.schedule s join tem.schedule_state st on st.schedule_id = s.id where s.id = $1`,
    [id, LATELY_MS],
  );
  return rows[0]?.lately ?? false;
}
