// The part of a type's policy that its runs carry.

import type { EventType } from '../core/event-type.ts';
import type { EventPolicy } from './contract.ts';

export function policyOf(type: EventType): EventPolicy {
  return {
    timeoutMs: type.timeoutMs,
    long: type.long,
    maxAttempts: type.retry.maxAttempts,
    ...(type.workflow !== undefined && { workflow: type.workflow }),
  };
}
