// The open incidents as a line for doctor and readyz. Everybody may read readyz, so it names kinds only.

import type { Pool } from 'pg';
import type { Finding } from '../health/finding.ts';

export async function alertFindings(pool: Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{ kind: string; count: number }>(
    'select kind, count(*)::int as count from tem.incident where ended_at is null group by kind order by kind',
  );
  const name = 'alerts';
  if (rows.length === 0) return [{ name, ok: true, detail: 'no incident is open' }];
  const kinds = rows.map(({ kind, count }) => (count === 1 ? kind : `${kind} (${count})`)).join(', ');
  return [{ name, ok: false, isWarning: true, detail: `open incidents: ${kinds}; GET /v1/alerts says what to do` }];
}
