// A schedule as it is at this moment: the row, and what a person has done to it in Temporal and the next comparison will take
// over or mend. Shows; writes nothing.

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { StoredSchedule } from '../store.ts';
import { scheduleCalls } from './calls.ts';
import { adoption } from './sync.ts';
import { differences, wantedSchedule } from './wanted.ts';

/** Who asks for a schedule doesn't wait longer for a Temporal that is away. */
const ASK_WITHIN_MS = 1_500;

export async function liveSchedule(pool: Pool, client: Client, row: StoredSchedule): Promise<StoredSchedule> {
  // Not written yet: there is nothing to compare with.
  if (row.syncedRevision !== row.revision || row.drift !== null) return row;
  try {
    const { rows } = await pool.query<{ id: string }>({ name: 'ledger-id', text: 'select id from tem.ledger' });
    const ledgerId = rows[0]?.id ?? '';
    const held = await scheduleCalls(client, ledgerId, ASK_WITHIN_MS).describe(row.id);
    if (!held) return { ...row, drift: 'Temporal has no such schedule: it will be created again' };
    if (!held.own) return { ...row, drift: "Temporal's schedule of this id isn't this ledger's" };
    const taken = adoption(row, held);
    const taskQueue = held.schedule.action?.startWorkflow?.taskQueue?.name ?? '';
    const byHand = differences(wantedSchedule({ ...row, ...taken }, { ledgerId, taskQueue }), held.schedule);
    if (byHand.length === 0) return { ...row, ...taken };
    return { ...row, ...taken, drift: `${byHand.join(', ')} changed in Temporal: will be written again from the row` };
  } catch {
    return { ...row, drift: 'Temporal does not answer: the ledger fires what is due 15 s late' };
  }
}
