// What a run asks the ledger about itself: a cancel that came through Temporal, a start by hand, a reconcile turn.

import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Pool } from 'pg';
import type { EventTypes } from '../core/event-types.ts';
import { cancelFromRun } from '../core/ledger/cancel.ts';
import { adopt } from '../core/ledger/claim.ts';
import { type EventActivities, FAILURE } from '../workflows/contract.ts';
import { policyOf } from '../workflows/policy.ts';

export interface RunActivityDependencies {
  ledgerId: string;
  pool: Pool;
  types: EventTypes;
  searchAttributes(): boolean;
  reconcile(onProgress: () => void): Promise<void>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function createRunActivities(
  dependencies: RunActivityDependencies,
): Pick<EventActivities, 'requestCancel' | 'adopt' | 'reconcile'> {
  const { pool, types, ledgerId } = dependencies;
  const refuse = (message: string): never => {
    throw ApplicationFailure.nonRetryable(message, FAILURE.refused);
  };
  return {
    requestCancel: (input) => cancelFromRun(pool, input.id, input.generation),

    async adopt(input) {
      const id = input?.id;
      if (typeof id !== 'string' || !UUID.test(id)) {
        return refuse(`the event workflow takes the id of an event that is in the ledger, such as {"id": "018f..."}`);
      }
      const taken = await adopt(pool, id, Context.current().info.workflowExecution?.workflowId ?? '');
      if ('refusal' in taken) return refuse(taken.refusal);
      const type = types.get(taken.type) ?? refuse(`this worker knows no event type ${taken.type}`);
      return {
        ledger: ledgerId,
        id,
        type: taken.type,
        key: type.keyPrivate ? '' : taken.key,
        generation: taken.generation,
        attempt: taken.retryCount + 1,
        policy: policyOf(type),
        searchAttributes: dependencies.searchAttributes(),
      };
    },

    async reconcile(input) {
      const context = Context.current();
      if (input.ledger === ledgerId) await dependencies.reconcile(() => context.heartbeat());
    },
  };
}
