// What fails with nobody there to hear of it, in a process that serves: Node would end it with a bare stack. It ends all the
// same, because nobody knows what else is wrong, with a line that says which module left it behind, when one did.

import type { Logger } from 'pino';
import { currentEvent } from '../core/attempt/handler.ts';
import { currentModule } from '../core/event-type-module.ts';
import { errorText } from '../core/ledger/mark.ts';

const EXIT_INTERNAL = 70;

/** From now on; what belongs to an event is its attempt's, and what belongs to a module that is being loaded fails the load. */
export function endOnStrayFailures(log: Logger): void {
  const onStray = (failure: unknown): void => {
    const module = currentModule.getStore();
    if (currentEvent.getStore() !== undefined || module?.isLoading) return;
    log.fatal(
      { error: errorText(failure), stack: failure instanceof Error ? failure.stack : undefined },
      module
        ? `TEM_EVENT_TYPES: ${module.specifier} left a promise or timer behind that failed, the process ends`
        : 'unexpected failure, the process ends',
    );
    process.exit(EXIT_INTERNAL);
  };
  process.on('unhandledRejection', onStray);
  process.on('uncaughtException', onStray);
}
