// Runs whose event was cancelled in the ledger while they waited for its next attempt: nothing will come of them, and in
// the Web UI they would wait for up to hours. The ledger tells of each by NOTIFY; a run of which nobody heard ends at its
// next step.

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { EventTypes } from '../core/event-types.ts';
import { ORPHANED_CHANNEL, type OrphanedRun } from '../core/ledger/cancel.ts';
import type { Listener } from '../core/ledger/listener.ts';
import { createTurns } from '../core/turns.ts';
import { eventWorkflowId } from '../core/workflow-id.ts';
import type { EventMemo } from '../workflows/contract.ts';

const AT_ONCE = 4;
const WAITING_MAX = 1_000;

export interface OrphanedRunsOptions {
  listener: Listener;
  pool: Pool;
  client: Client;
  types: EventTypes;
  log: Logger;
}

export function endOrphanedRuns(options: OrphanedRunsOptions): { start(): void; stop(): Promise<void> } {
  const turns = createTurns(AT_ONCE, WAITING_MAX, 'runs wait to be ended');
  const underWay = new Set<Promise<void>>();
  let stopping = false;
  return {
    start() {
      options.listener.listen(ORPHANED_CHANNEL, (payload) => {
        if (stopping) return;
        // Any role may NOTIFY anything.
        const ended = turns(async () => end(options, JSON.parse(payload) as OrphanedRun))
          .catch((error: Error) =>
            options.log.debug({ payload, error: error.message }, 'the run of a cancelled event was left to itself'),
          )
          .finally(() => underWay.delete(ended));
        underWay.add(ended);
      });
    },
    async stop() {
      stopping = true;
      await Promise.all(underWay);
    },
  };
}

async function end({ pool, client, types }: OrphanedRunsOptions, { event, generation }: OrphanedRun): Promise<void> {
  const { rows } = await pool.query<{ type: string; key: string }>('select type, key from tem.event where id = $1', [
    event,
  ]);
  const [row] = rows;
  const type = row && types.get(row.type);
  if (!type) return;
  const workflowId = eventWorkflowId(row.type, row.key, type.keyPrivate);
  const run = await client.workflow.getHandle(workflowId).describe();
  const memo = (run.memo ?? {}) as Partial<EventMemo>;
  // Every worker hears it, and a newer run may have the id.
  if (run.status.name !== 'RUNNING' || memo.event !== event || memo.generation !== generation) return;
  await client.workflow.getHandle(workflowId, run.runId).cancel();
}
