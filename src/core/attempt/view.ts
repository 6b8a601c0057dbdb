// What a handler sees of its event.

import type { EventType, EventView } from '../event-type.ts';
import type { Begun } from '../ledger/begin.ts';

export function view(
  begun: Omit<Begun, 'disposition' | 'begunBefore'>,
  type: EventType,
  payload: unknown,
): EventView<never> {
  return {
    id: begun.id,
    type: begun.type,
    key: begun.key,
    payload: payload as never,
    group: begun.group === '' ? null : begun.group,
    priority: begun.priority,
    attempt: begun.attempt,
    maxAttempts: type.retry.maxAttempts,
    idempotencyKey: begun.id,
    createdAt: begun.createdAt,
  };
}
