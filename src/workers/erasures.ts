// Works off erasures that were too large for the call that asked for them, or that wait for attempts to end; and makes the
// indexes that serve them.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { type Eraser, runningErasures, stepErasure } from '../core/erasure/erasure.ts';
import { ensureSubjectIndexes } from '../core/erasure/indexes.ts';
import type { BackgroundPart } from '../core/feature.ts';

const LOOK_EVERY_MS = 2_000;
const INDEXES_EVERY_MS = 60_000;
const AT_ONCE_MAX = 10;

export function createErasures(pool: Pool, erasers: readonly Eraser[], log: Logger): BackgroundPart {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();
  let indexesAtMs = Number.NEGATIVE_INFINITY;

  const look = async (): Promise<void> => {
    for (const id of await runningErasures(pool, AT_ONCE_MAX))
      for (let step: string | undefined = 'more'; step === 'more' && !stopped; )
        step = await stepErasure(pool, id, erasers);
    if (performance.now() - indexesAtMs < INDEXES_EVERY_MS) return;
    indexesAtMs = performance.now();
    for (const index of await ensureSubjectIndexes(pool)) log.info({ index }, 'an index for erasures was made');
  };
  const next = (): void => {
    looking = look()
      .catch((error: Error) => log.warn({ error: error.message }, 'erasures could not go on just now'))
      .then(() => {
        if (!stopped) timer = setTimeout(next, LOOK_EVERY_MS);
      });
  };
  return {
    name: 'erasures',
    on: 'oneWorker',
    start() {
      stopped = false;
      next();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
