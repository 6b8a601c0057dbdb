// The history of schedules: who changed what, written by the table's triggers; and what those can't see, from here.

import type { Pool } from 'pg';

export interface ScheduleChange {
  at: Date;
  actor: string;
  action: string;
  before: unknown;
  after: unknown;
  detail: string | null;
}

export async function noteChange(
  client: Pick<Pool, 'query'>,
  change: { id: string; actor: string; action: string; before?: unknown; after?: unknown; detail?: string },
): Promise<void> {
  const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
  await client.query(
    'insert into tem.schedule_change (schedule_id, actor, action, before, after, detail) values ($1, $2, $3, $4, $5, $6)',
    [change.id, change.actor, change.action, json(change.before), json(change.after), change.detail ?? null],
  );
}

/** Up to `limit` changes, newest first, before the one that `next` of the page before named. */
export async function listChanges(
  pool: Pool,
  id: string,
  limit: number,
  before: string | undefined,
): Promise<{ changes: ScheduleChange[]; next: string | undefined }> {
  const below = before !== undefined && /^\d{1,18}$/.test(before) ? before : null;
  const { rows } = await pool.query<ScheduleChange & { id: string }>(
    `select id::text, at, actor, action, before, after, detail from tem.schedule_change
     where schedule_id = $1 and ($2::bigint is null or id < $2) order by id desc limit $3`,
    [id, below, limit + 1],
  );
  const page = rows.slice(0, limit);
  return {
    changes: page.map(({ id: _id, ...change }) => change),
    next: rows.length > limit ? page.at(-1)?.id : undefined,
  };
}
