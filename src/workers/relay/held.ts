// Which of the relay's runs still have an event on its way to or in an attempt.

import type { Pool } from 'pg';
import type { Claimed } from '../../core/ledger/claim.ts';

/** An event as it was given to a run: with another generation another run has it, and holds a slot of its own. */
export type ClaimedEvent = Pick<Claimed, 'id' | 'generation'>;

/** Of the given runs, those with an event that is claimed and not begun, or in an attempt. */
export async function heldRuns(
  pool: Pool,
  runs: readonly { workflowId: string; claimed: readonly ClaimedEvent[] }[],
): Promise<Set<string>> {
  const events = runs.flatMap(({ workflowId, claimed }) => claimed.map((event) => ({ workflowId, ...event })));
  const { rows } = await pool.query<{ workflowId: string }>({
    name: 'held-runs',
    text: `select distinct c.workflow_id as "workflowId" from tem.event e
        join unnest($1::text[], $2::uuid[], $3::int[]) as c(workflow_id, id, generation)
          on e.id = c.id and e.generation = c.generation
      where e.worker_id is not null and e.due_by is not null`,
    values: [
      events.map((each) => each.workflowId),
      events.map((each) => each.id),
      events.map((each) => each.generation),
    ],
  });
  return new Set(rows.map((row) => row.workflowId));
}
