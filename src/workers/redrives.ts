// Works off redrives and batch cancels, on one worker at a time: often while one is under way, every second otherwise.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { BackgroundPart } from '../core/feature.ts';
import { pruneJobs } from '../core/redrive/job.ts';
import { type Places, stepJobs } from '../core/redrive/step.ts';

const STEP_EVERY_MS = 100;
const LOOK_EVERY_MS = 1_000;
const PRUNE_EVERY_MS = 3_600_000;
/** Slices of one turn: what is left goes in the next. */
const PRUNED_SLICES_MAX = 20;

export function createRedrives(pool: Pool, log: Logger): BackgroundPart {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let stepping: Promise<void> = Promise.resolve();
  const places: Places = new Map();

  let prunedAtMs = Number.NEGATIVE_INFINITY;
  const prune = async (): Promise<void> => {
    if (performance.now() - prunedAtMs < PRUNE_EVERY_MS) return;
    prunedAtMs = performance.now();
    for (let slice = 0; slice < PRUNED_SLICES_MAX && !stopped; slice += 1) if ((await pruneJobs(pool)) === 0) return;
  };
  const step = async (): Promise<number> => {
    try {
      await prune();
      return (await stepJobs(pool, places)).running ? STEP_EVERY_MS : LOOK_EVERY_MS;
    } catch (error) {
      log.debug({ error: (error as Error).message }, 'a redrive could not go on just now');
      return LOOK_EVERY_MS;
    }
  };
  const next = (): void => {
    stepping = step().then((restMs) => {
      if (!stopped) timer = setTimeout(next, restMs);
    });
  };
  return {
    name: 'redrives',
    on: 'oneWorker',
    start() {
      stopped = false;
      next();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await stepping;
    },
  };
}
