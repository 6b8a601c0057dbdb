// Retention of what access leaves behind: old audit rows, sessions that have ended, keys that were revoked long ago.

import type { Pool } from 'pg';
import { pruneSessions } from './sessions.ts';

const SLICE_MAX = 1_000;
const SLICES_PER_TURN_MAX = 50;

export interface AccessRetention {
  sessionIdleMs: number;
  auditRetentionMs: number;
}

/** `goOn` is asked after each slice. */
export async function pruneAccess(
  pool: Pool,
  { sessionIdleMs, auditRetentionMs }: AccessRetention,
  goOn: () => Promise<boolean>,
): Promise<void> {
  const audit = async (): Promise<number> => {
    const { rows } = await pool.query<{ pruned: number }>(
      `select tem.prune_audit($1::float8 * interval '1 ms', $2) as pruned`,
      [auditRetentionMs, SLICE_MAX],
    );
    return rows[0]?.pruned ?? 0;
  };
  // As long as the audit, whose rows name them.
  const keys = async (): Promise<number> => {
    const { rowCount } = await pool.query(
      `delete from tem.api_key where id in (
         select id from tem.api_key where revoked_at < clock_timestamp() - $1::float8 * interval '1 ms' limit $2)`,
      [auditRetentionMs, SLICE_MAX],
    );
    return rowCount ?? 0;
  };
  for (const slice of [audit, () => pruneSessions(pool, sessionIdleMs, SLICE_MAX), keys]) {
    for (let slices = 0; slices < SLICES_PER_TURN_MAX && (await slice()) === SLICE_MAX; slices++) {
      if (!(await goOn())) return;
    }
  }
}
