// Ends the events whose time to begin has passed while they wait, every second: nobody else looks at what nobody may claim.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { endExpired } from '../core/ledger/expire.ts';

const LOOK_EVERY_MS = 1_000;

export function createExpiry(pool: Pool, actor: string, log: Logger): { start(): void; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();

  const look = async (): Promise<void> => {
    const ended = await endExpired(pool, actor);
    if (ended > 0) log.info({ events: ended }, 'events that had to begin before now have ended');
  };
  const next = (): void => {
    looking = look()
      .catch((error: Error) => log.debug({ error: error.message }, 'expired events could not be looked for'))
      .then(() => {
        if (!stopped) timer = setTimeout(next, LOOK_EVERY_MS);
      });
  };
  return {
    start: next,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
