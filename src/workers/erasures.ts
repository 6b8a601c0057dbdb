// Works off erasures that were too large for the call that asked for them, or that wait for attempts to end; and makes the
// indexes that serve them.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { type Eraser, runningErasures, stepErasure } from '../core/erasure/erasure.ts';
import { ensureSubjectIndexes } from '../core/erasure/indexes.ts';
import type { BackgroundPart } from '../core/feature.ts';
import { createLoop } from '../core/loop.ts';

const LOOK_EVERY_MS = 2_000;
const INDEXES_EVERY_MS = 60_000;
const AT_ONCE_MAX = 10;

export function createErasures(pool: Pool, erasers: readonly Eraser[], log: Logger): BackgroundPart {
  let indexesAtMs = Number.NEGATIVE_INFINITY;

  const work = async (signal: AbortSignal): Promise<void> => {
    for (const id of await runningErasures(pool, AT_ONCE_MAX))
      for (let step: string | undefined = 'more'; step === 'more' && !signal.aborted; )
        step = await stepErasure(pool, id, erasers);
    if (performance.now() - indexesAtMs < INDEXES_EVERY_MS) return;
    indexesAtMs = performance.now();
    for (const index of await ensureSubjectIndexes(pool)) log.info({ index }, 'an index for erasures was made');
  };
  const loop = createLoop({ name: 'erasures', everyMs: LOOK_EVERY_MS, afterErrorMs: LOOK_EVERY_MS, work, log });
  return { name: 'erasures', on: 'oneWorker', start: loop.start, stop: loop.stop };
}
