// The example that `tem up` shows in a ledger that has never had a schedule: paused, and gone for good when it is removed.

import pg from 'pg';

export async function addExampleSchedule(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `insert into tem.schedule (id, cron, time_zone, type, payload, paused, note)
       select 'hello', '0 9 * * 1-5', 'Europe/Istanbul', 'notification', $1, true, 'an example: resume it, or remove it'
       where pg_sequence_last_value('tem.schedule_revision') is null`,
      [JSON.stringify({ user: 'ada', title: 'Good morning', body: 'It is {{localDate}}.' })],
    );
  } finally {
    await client.end();
  }
}
