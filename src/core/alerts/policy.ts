// When somebody is to be told about the events of a type: what its definition says, and how that is read.

import type { Duration } from '../duration.ts';

export interface AlertDefinition {
  /** So many events that ended EXTINCT within the window. */
  extinct?: { count: number; window: Duration };
  /** An event that is due has waited for so long. */
  oldestQueued?: Duration;
}

/** The same in milliseconds, as a worker registers it. */
export interface AlertPolicy {
  extinct: { count: number; windowMs: number } | null;
  oldestQueuedMs: number | null;
}

const COUNT_MAX = 10_000;

/** `duration` and `refuse` are those of defineEventType: they name the type. */
export function readAlert(
  alert: AlertDefinition | undefined,
  duration: (setting: string, value: string) => number,
  refuse: (setting: string, problem: string) => never,
): AlertPolicy | undefined {
  if (alert === undefined) return undefined;
  const { extinct, oldestQueued } = alert;
  if (extinct !== undefined && !isCount(extinct.count)) {
    refuse('alert.extinct.count', `must be a whole number from 1 to 10,000, not ${extinct.count}`);
  }
  return {
    extinct: extinct ? { count: extinct.count, windowMs: duration('alert.extinct.window', extinct.window) } : null,
    oldestQueuedMs: oldestQueued === undefined ? null : duration('alert.oldestQueued', oldestQueued),
  };
}

export function isCount(count: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= COUNT_MAX;
}
