// Gives turns on that could not be given on when they were over: at once when one is noted, and again until whoever holds
// its line has committed. A NOTIFY can be lost, so it also looks every second.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { giveTurnsOn, LINE_CHANNEL } from '../core/ledger/lines.ts';
import type { Listener } from '../core/ledger/listener.ts';

const LOOK_EVERY_MS = 1_000;
const AGAIN_MS_MIN = 10;

export function createLines(pool: Pool, listener: Listener, log: Logger): { start(): void; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let looking: Promise<void> | undefined;
  let waitMs = LOOK_EVERY_MS;
  let heard = false;

  const look = async (): Promise<void> => {
    heard = false;
    const heldUp = await giveTurnsOn(pool).catch((error: Error) => {
      log.debug({ error: error.message }, 'turns could not be given on');
      return 0;
    });
    waitMs =
      heldUp === 0 ? LOOK_EVERY_MS : Math.min(LOOK_EVERY_MS, waitMs === LOOK_EVERY_MS ? AGAIN_MS_MIN : waitMs * 2);
  };
  const next = (): void => {
    looking = look().finally(() => {
      looking = undefined;
      if (!stopped) timer = setTimeout(next, heard ? AGAIN_MS_MIN : waitMs);
    });
  };
  const hear = (): void => {
    heard = true;
    if (stopped || looking) return;
    clearTimeout(timer);
    timer = setTimeout(next, AGAIN_MS_MIN);
  };
  return {
    start() {
      listener.listen(LINE_CHANNEL, hear, hear);
      next();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
