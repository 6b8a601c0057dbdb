// What everything that puts events into the queue, or takes them from it, says of them in the same words.

import type { Pool } from 'pg';

/** Which runs an event may have: shared ones, one of its own, or one of its own with no other of the worker beside it. */
export const LANE = { shared: 0, own: 1, quarantine: 2 } as const;

/** Of tem.event e: nobody has held the payload against the code's schema yet (SQL; an API without the type). */
export const PAYLOAD_UNCHECKED = `e.source in ('sql', 'http, unchecked') and not e.begun`;

/** Of tem.event e, which is unfinished: it waits for its turn in a line, in nobody's hands. */
export const STANDS_IN_LINE = `(e.line is not null and e.due_at is null and e.due_by is null)`;

export const DUE_CHANNEL = 'tem_due';

/** Wakes relays that sleep: something is due now. */
export async function tellDue(pool: Pool): Promise<void> {
  await pool.query(`select pg_notify('${DUE_CHANNEL}', '')`);
}
