// The end of events whose time to begin has passed. Whoever begins an attempt looks; and those that wait, in a flow that is
// paused or for a time that comes too late, are ended here.

import type { Pool } from 'pg';
import { LANE, STANDS_IN_LINE, tellDue } from './queue.ts';

const SLICE_MAX = 500;

/** The error of an event that had to begin by then, as SQL. */
export function EXPIRED_ERROR(expiresAt: string): string {
  return `'expired: an attempt had to begin by '
    || to_char(${expiresAt} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/**
 * Ends a slice of those that wait past their time: EXTINCT at once where nothing ran, else by way of their compensation.
 * Resolves to how many.
 */
export async function endExpired(pool: Pool, actor: string): Promise<number> {
  const { rows } = await pool.query<{ settles: boolean }>({
    name: 'end-expired',
    text: `
      with late as materialized (
        select id, begun, state as from_state, retry_count, ${EXPIRED_ERROR('expires_at')} as error, ${STANDS_IN_LINE} as stands
        from tem.event e
        where expires_at is not null and state in ('QUEUED', 'FAILED') and expires_at <= clock_timestamp()
          and not compensating and not cancel_requested
          and (due_by is null or state = 'FAILED' and next_retry_at > clock_timestamp())
        order by expires_at limit ${SLICE_MAX} for update skip locked
      ), ended as (
        update tem.event e set state = case when l.begun then 'FAILED' else 'EXTINCT' end, compensating = l.begun,
          version = e.version + 1, generation = e.generation + 1, last_error = l.error, next_retry_at = null,
          worker_id = null, workflow_id = null, due_by = null, due_at = case when l.begun and not l.stands then clock_timestamp() end,
          lane = case when l.begun then greatest(e.lane, ${LANE.own}) else e.lane end, updated_at = clock_timestamp()
        from late l where e.id = l.id
        returning e.id, e.version, l.from_state, e.state, l.retry_count, l.error, l.begun
      ), kept as (
        insert into tem.transition (event_id, version, from_state, to_state, attempt, error, actor)
        select id, version, from_state, state, retry_count, error, $1 from ended
      )
      select begun as settles from ended`,
    values: [actor],
  });
  if (rows.some(({ settles }) => settles)) await tellDue(pool);
  return rows.length;
}
