// The example that `tem up` shows in a ledger that has never had a schedule: paused, and gone for good when it is removed.

import { createPool } from '../core/ledger/pool.ts';

export async function addExampleSchedule(databaseUrl: string): Promise<void> {
  const pool = createPool(databaseUrl, { max: 1, applicationName: 'tem example schedule' });
  try {
    await pool.query(
      `insert into tem.schedule (id, cron, time_zone, type, payload, paused, note)
       select 'hello', '0 9 * * 1-5', 'Europe/Istanbul', 'notification', $1, true, 'an example: resume it, or remove it'
       where pg_sequence_last_value('tem.schedule_revision') is null`,
      [JSON.stringify({ user: 'ada', title: 'Good morning', body: 'It is {{localDate}}.' })],
    );
  } finally {
    await pool.end();
  }
}
