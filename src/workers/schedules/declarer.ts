// Writes what code declares to the ledger when a worker starts, and says now and then that it is still there. On every worker:
// each knows its own code.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { BackgroundPart } from '../../core/feature.ts';
import { createLoop } from '../../core/loop.ts';
import { type Declarations, keepDeclared, registerSchedules } from '../../core/schedules/code.ts';

const KEEP_EVERY_MS = 60_000;
const AFTER_ERROR_MS = 2_000;

export function createDeclarer(pool: Pool, declarations: readonly Declarations[], log: Logger): BackgroundPart {
  let isRegistered = false;
  const loop = createLoop({
    name: 'registering schedules of code',
    everyMs: KEEP_EVERY_MS,
    afterErrorMs: AFTER_ERROR_MS,
    async work() {
      if (!isRegistered) await registerSchedules(pool, declarations, log);
      isRegistered = true;
      await keepDeclared(pool, declarations);
    },
    log,
  });
  return { name: 'schedules of code', on: 'everyWorker', start: () => loop.start(), stop: () => loop.stop() };
}
