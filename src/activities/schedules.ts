// A firing that Temporal started: its workflow's id says which second it is for. What Temporal's own calendar doesn't have at
// that second was a person's trigger; what it has and the row hasn't makes no event.

import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { isUnavailable } from '../core/ledger/pool.ts';
import { fireFromTemporal, noteNotNominal, triggerSchedule } from '../core/schedules/fire.ts';
import { changedLately } from '../core/schedules/lately.ts';
import { type ScheduleCalls, scheduleCalls } from '../core/schedules/temporal/calls.ts';
import { type EventActivities, FAILURE } from '../workflows/contract.ts';

export interface ScheduleActivityDependencies {
  ledgerId: string;
  pool: Pool;
  client: Client;
  log: Logger;
}

/** A trigger's firing is named after the second in which it was asked for. */
const TRIGGERED_WITHIN_MS = 2_000;
/** Temporal appends the second to the id of the action's workflow. */
const SECOND = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;

export function createScheduleActivities(
  dependencies: ScheduleActivityDependencies,
): Pick<EventActivities, 'fireSchedule'> {
  const { pool, log } = dependencies;
  const calls = scheduleCalls(dependencies.client, dependencies.ledgerId);
  return {
    async fireSchedule({ schedule }) {
      const { workflowId = '', runId = '' } = Context.current().info.workflowExecution ?? {};
      const at = Date.parse(SECOND.exec(workflowId)?.[1] ?? '');
      if (Number.isNaN(at)) return 'started by hand without a time: use temporal schedule trigger';
      try {
        return await fire({ pool, calls, log }, schedule, at, runId);
      } catch (error) {
        if (!isUnavailable(error))
          log.error({ schedule, error: (error as Error).message }, 'a firing failed, trying again');
        throw ApplicationFailure.create({
          type: FAILURE.unexpected,
          message: `the firing of ${schedule} is tried again; the worker's log says why`,
        });
      }
    },
  };
}

async function fire(
  { pool, calls, log }: { pool: Pool; calls: ScheduleCalls; log: Logger },
  id: string,
  at: number,
  runId: string,
): Promise<string> {
  const answer = await fireFromTemporal(pool, { id, at, runId });
  switch (answer.answer) {
    case 'gone':
      return 'the ledger has no such schedule';
    case 'known':
      return 'this time is accounted for';
    case 'taken':
      return answer.run.event ?? answer.run.outcome;
    case 'notNominal':
  }
  const trigger = (await calls.deeds(id)).find(
    (deed) => deed.what === 'trigger' && Math.abs(deed.at - at) <= TRIGGERED_WITHIN_MS,
  );
  // Without a trace of it: what Temporal's calendar hasn't either was a trigger, unless the row has just changed.
  if (trigger || (!(await changedLately(pool, id)) && !(await calls.matches(id, at)))) {
    const actor = trigger ? `temporal: ${trigger.identity}` : 'temporal';
    const run = await triggerSchedule(pool, id, { id: runId, actor, at });
    return run?.event ?? 'the ledger has no such schedule';
  }
  await noteNotNominal(pool, id, at);
  log.warn(
    { schedule: id, at: new Date(at).toISOString() },
    'Temporal fired at a time that the schedule does not have',
  );
  return 'not a nominal time of this schedule';
}
