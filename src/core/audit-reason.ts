// Why a person does what he does. Whoever takes his call keeps the reason for it, and every transaction that the call begins
// hands it to the audit, so that no way to a change has to pass it on.

import { AsyncLocalStorage } from 'node:async_hooks';

const reasons = new AsyncLocalStorage<string>();

export function withReason<Result>(reason: string, run: () => Result): Result {
  return reasons.run(reason, run);
}

/** Undefined where nobody gave one. */
export function reasonGiven(): string | undefined {
  return reasons.getStore();
}
