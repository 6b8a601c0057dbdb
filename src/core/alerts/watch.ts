// Looks every few seconds for what is wrong, and tells (rule 22). Runs in one process at a time, an API or a worker, so that
// neither a dead Temporal nor the end of the last worker silences it.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../config.ts';
import type { AnyFeature, BackgroundPart, FeatureDependencies } from '../feature.ts';
import { dependenciesOf } from '../feature-dependencies.ts';
import { createLoop } from '../loop.ts';
import { onOneWorker } from '../one-worker.ts';
import type { Condition } from './condition.ts';
import { type Incident, noteConditions, pruneIncidents } from './incidents.ts';
import { ledgerConditions } from './ledger-conditions.ts';
import { TELL, type TellOptions, tellWaiting } from './tell.ts';
import { createWays } from './ways.ts';

export interface WatchOptions {
  /** Of the process. */
  id: string;
  pool: Pool;
  config: Config;
  features: readonly AnyFeature[];
  shared: Omit<FeatureDependencies, 'settings'>;
  log: Logger;
  /** Tests shorten them. */
  lookEveryMs?: number;
  endAfterMs?: number;
  tell?: TellOptions;
}

const LOOK_EVERY_MS = 5_000;
/** What has not been seen for this long is over. */
const END_AFTER_MS = 60_000;

/** The watch, to be started in every API and every worker. */
export function watchIncidents(options: WatchOptions): Omit<BackgroundPart, 'on'> {
  const { id, pool, config, features, shared, log } = options;
  const ways = createWays(config);
  let watchingSince = 0;
  const loop = createLoop({
    name: 'the look for incidents',
    everyMs: options.lookEveryMs ?? LOOK_EVERY_MS,
    afterErrorMs: options.lookEveryMs ?? LOOK_EVERY_MS,
    async work(signal) {
      const watchedForMs = performance.now() - watchingSince;
      const looks = [
        ledgerConditions(pool, config.alerts, watchedForMs),
        ...features.map(async (feature) => (await feature.alerts?.(dependenciesOf(feature, shared))) ?? []),
      ];
      const { conditions, isComplete } = await settled(looks, log);
      const endAfterMs = isComplete ? (options.endAfterMs ?? END_AFTER_MS) : undefined;
      const names = ways.map(({ name }) => name);
      const { began, ended } = await noteConditions(pool, conditions, names, endAfterMs);
      for (const incident of began) log.error(fieldsOf(incident), `incident: ${incident.detail}`);
      for (const incident of ended) log.info(fieldsOf(incident), `over: ${incident.detail}`);
      await tellWaiting(pool, ways, log, signal, options.tell ?? TELL);
      await pruneIncidents(pool, config.retentionMs);
    },
    log,
  });
  const watch: BackgroundPart = {
    name: 'incidents',
    on: 'oneWorker',
    start() {
      watchingSince = performance.now();
      loop.start();
    },
    stop: () => loop.stop(),
  };
  const part = onOneWorker({ pool, workerId: id, part: watch, log });
  return {
    ...part,
    async stop() {
      await part.stop();
      await Promise.all(ways.map((way) => way.close()));
    },
  };
}

function fieldsOf({ id, kind, subject, count, samples }: Incident) {
  return { incident: id, kind, subject, count, samples };
}

/** What was found, also when one of the looks failed. */
async function settled(
  looks: readonly Promise<Condition[]>[],
  log: Logger,
): Promise<{ conditions: Condition[]; isComplete: boolean }> {
  const results = await Promise.allSettled(looks);
  const conditions: Condition[] = [];
  let isComplete = true;
  for (const result of results) {
    if (result.status === 'fulfilled') conditions.push(...result.value);
    else {
      isComplete = false;
      log.debug({ error: (result.reason as Error).message }, 'not everything could be looked at for incidents');
    }
  }
  return { conditions, isComplete };
}
