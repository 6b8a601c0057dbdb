// What handlers leave behind: rejections of promises that nobody awaits, and exceptions thrown from their timers. They
// belong to one event and must not take the process, and everybody else's attempts, with them.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { currentEvent } from '../core/attempt/handler.ts';
import { errorText } from '../core/ledger/mark.ts';
import { noteAfterEnd } from '../core/ledger/note.ts';

/** Listens from its start to its stop. A stray that belongs to no event ends the process, as Node would. */
export function catchStrays(pool: Pool, log: Logger): { start(): void; stop(): void } {
  const onStray = (error: unknown): void => {
    const event = currentEvent.getStore();
    if (!event) {
      log.fatal(
        { error: errorText(error), stack: error instanceof Error ? error.stack : undefined },
        'unexpected failure, the worker ends',
      );
      process.exit(70);
    }
    const text = errorText(error, event.hide);
    event.log.error({ error: text }, 'the handler left a promise or timer behind that failed');
    if (!event.fail(`a promise or timer that the handler left behind failed: ${text}`)) {
      const note = `after the attempt had ended, something that the handler left behind failed: ${text}`;
      noteAfterEnd(pool, event.attempts, note).catch(() => {});
    }
  };
  return {
    start() {
      process.on('unhandledRejection', onStray);
      process.on('uncaughtException', onStray);
    },
    stop() {
      process.off('unhandledRejection', onStray);
      process.off('uncaughtException', onStray);
    },
  };
}
