// Works off redrives and batch cancels, on one worker at a time: often while one is under way, every second otherwise.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { BackgroundPart } from '../core/feature.ts';
import { type Places, stepJobs } from '../core/redrive/step.ts';

const STEP_EVERY_MS = 100;
const LOOK_EVERY_MS = 1_000;

export function createRedrives(pool: Pool, log: Logger): BackgroundPart {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let stepping: Promise<void> = Promise.resolve();
  const places: Places = new Map();

  const step = async (): Promise<number> => {
    try {
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
