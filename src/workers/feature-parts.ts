// What the features bring into a worker: their background parts, their activities, and the pruning of what is theirs.

import type { Pool } from 'pg';
import { createAccept } from '../core/accept-events.ts';
import { admit } from '../core/attempt/admit.ts';
import { NotRetryable } from '../core/errors.ts';
import type { EventTypes } from '../core/event-types.ts';
import type { BackgroundPart, FeatureActivities, WorkerDependencies } from '../core/feature.ts';
import { dependenciesOf } from '../core/feature-dependencies.ts';
import type { Flows } from '../core/flows/index.ts';
import { createAccepter } from '../core/ledger/accepter.ts';
import { getEvent } from '../core/ledger/events.ts';
import { onOneWorker } from '../core/one-worker.ts';
import type { Assembly } from './parts.ts';

export interface FeatureParts {
  background: Omit<BackgroundPart, 'on'>[];
  activities: FeatureActivities;
  /** One slice of each feature's old rows; resolves to whether more may be left. */
  prune(): Promise<boolean>;
}

export async function featureParts(assembly: Assembly, flows: Flows): Promise<FeatureParts> {
  const { id, taskQueue, config, connections, features, log } = assembly;
  const { shared, client, ledgerId, listener, types, corePool } = connections;
  const dependencies: Omit<WorkerDependencies, 'settings'> = {
    ...shared,
    workerId: id,
    ledgerId,
    accept: createAccept(types, createAccepter(shared.pool, connections.tracing)),
    temporal: client,
    payloadOf: (event) => payloadOf(corePool, types, event),
    taskQueue,
    listener,
    flows,
    databaseUrl: config.databaseUrl as string,
  };
  const background: FeatureParts['background'] = [];
  const activities: FeatureActivities = {};
  for (const feature of features) {
    const own = dependenciesOf(feature, dependencies);
    for (const each of (await feature.background?.(own)) ?? []) {
      const named = {
        ...each,
        name: `${feature.name}: ${each.name}`,
        start: () => each.start(),
        stop: () => each.stop(),
      };
      background.push(
        each.on === 'oneWorker' ? onOneWorker({ pool: corePool, workerId: id, part: named, log }) : named,
      );
    }
    Object.assign(activities, await feature.activities?.(own));
  }
  const prune = async (): Promise<boolean> => {
    let isMoreLeft = false;
    for (const feature of features) {
      if (await feature.prune?.(dependenciesOf(feature, shared))) isMoreLeft = true;
    }
    return isMoreLeft;
  };
  return { background, activities, prune };
}

async function payloadOf(pool: Pool, types: EventTypes, id: string): Promise<unknown> {
  const row = await getEvent(pool, id);
  if (!row) return undefined;
  const type = types.get(row.type);
  const admission = type ? admit(types, type, row.payload) : { payload: row.payload };
  if ('refusal' in admission) throw new NotRetryable(admission.refusal);
  return admission.payload;
}
