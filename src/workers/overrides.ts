// Reads every second what people have set in the place of types' own policies, so that this worker obeys it.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { EventTypes } from '../core/event-types.ts';
import { readOverrides } from '../core/type-overrides.ts';

const LOOK_EVERY_MS = 1_000;

export function createOverrides(
  pool: Pool,
  types: EventTypes,
  log: Logger,
): { start(): Promise<void>; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();

  const look = async (): Promise<void> => {
    try {
      types.override(await readOverrides(pool));
    } catch (error) {
      // What was read last still holds.
      log.debug({ error: (error as Error).message }, 'overrides of types could not be read just now');
    }
  };
  const next = (): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      looking = look().then(next);
    }, LOOK_EVERY_MS);
  };
  return {
    // The first attempts obey it too.
    async start() {
      await look();
      next();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
