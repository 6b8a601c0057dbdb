// An event type as data: as a worker writes it into tem.event_type, so that an API without the code knows the type
// too, and as GET /v1/event-types shows it.

import type { AlertPolicy } from './alerts/policy.ts';
import type { OrderAfterExtinct, RetryMs } from './event-type.ts';
import { overridden, type TypeOverride } from './type-overrides.ts';

/** What a worker registers; durations in milliseconds. */
export interface EventTypeDescription {
  name: string;
  version: number;
  /** The payload's JSON Schema. */
  schema: Record<string, unknown>;
  retry: RetryMs;
  compensationRetry: RetryMs;
  timeoutMs: number;
  /** Null: events of the type don't expire; absent in what an older release registered. */
  ttlMs?: number | null;
  long: boolean;
  batch: number | null;
  /** Null: no order; absent in what an older release registered. */
  orderBy?: string | null;
  orderAfterExtinct?: OrderAfterExtinct | null;
  keyPrivate: boolean;
  compensates: boolean;
  /** Absent in what an older release registered. */
  alert?: AlertPolicy | null;
  /** Absent in what an older release registered, as the subject's pointer. */
  priority?: number | null;
  subject?: string | null;
}

export interface RetryJson {
  maxAttempts: number;
  /** Durations such as `10s`. */
  base: string;
  cap: string;
  jitter: number;
}

export interface EventTypeJson {
  name: string;
  version: number | null;
  schema: unknown;
  retry: RetryJson | null;
  compensationRetry: RetryJson | null;
  timeout: string | null;
  ttl: string | null;
  long: boolean | null;
  batch: number | null;
  orderBy: string | null;
  orderAfterExtinct: OrderAfterExtinct | null;
  keyPrivate: boolean | null;
  compensates: boolean | null;
  /** Null: as the settings say. */
  alert: { extinct: { count: number; window: string } | null; oldestQueued: string | null } | null;
  priority: number | null;
  /** Where its payload names the person that it is about. */
  subject: string | null;
  /** Live workers that run it. */
  workers: number;
  /** What is set in the place of its code's, and what its code says; null when nothing is. */
  override: OverrideJson | null;
  code: PolicyJson | null;
}

export interface PolicyJson {
  retry: RetryJson | null;
  timeout: string | null;
  priority: number | null;
  batch: number | null;
}

export interface OverrideJson {
  retry?: Partial<RetryJson>;
  timeout?: string;
  priority?: number;
  batch?: number | null;
}

/** A registration as another release may have written it: undefined when the parts that are used lack their shape. */
export function readDescription(definition: unknown): EventTypeDescription | undefined {
  if (typeof definition !== 'object' || definition === null) return undefined;
  const { name, schema, retry } = definition as Partial<EventTypeDescription>;
  const complete = typeof name === 'string' && typeof schema === 'object' && typeof retry?.maxAttempts === 'number';
  return complete ? (definition as EventTypeDescription) : undefined;
}

/** `code`: as its code has it, `override`: what is set in its place. */
export function presentEventType(
  name: string,
  code: EventTypeDescription | undefined,
  workers: number,
  override?: TypeOverride,
): EventTypeJson {
  const description = code && overridden(code, override);
  return {
    name,
    version: description?.version ?? null,
    schema: description?.schema ?? null,
    compensationRetry: presentRetry(description?.compensationRetry),
    ttl: typeof description?.ttlMs === 'number' ? durationText(description.ttlMs) : null,
    long: description?.long ?? null,
    orderBy: description?.orderBy ?? null,
    orderAfterExtinct: description?.orderAfterExtinct ?? null,
    keyPrivate: description?.keyPrivate ?? null,
    compensates: description?.compensates ?? null,
    alert: presentAlert(description?.alert),
    subject: description?.subject ?? null,
    workers,
    ...presentPolicy(description),
    override: override ? presentOverride(override) : null,
    code: override ? presentPolicy(code) : null,
  };
}

function presentPolicy(description: EventTypeDescription | undefined): PolicyJson {
  return {
    retry: presentRetry(description?.retry),
    timeout: description?.timeoutMs === undefined ? null : durationText(description.timeoutMs),
    priority: description?.priority ?? null,
    batch: description?.batch ?? null,
  };
}

export function presentOverride({ retry, timeoutMs, priority, batch }: TypeOverride): OverrideJson {
  return {
    ...(retry && {
      retry: {
        ...(retry.maxAttempts !== undefined && { maxAttempts: retry.maxAttempts }),
        ...(retry.baseMs !== undefined && { base: durationText(retry.baseMs) }),
        ...(retry.capMs !== undefined && { cap: durationText(retry.capMs) }),
        ...(retry.jitter !== undefined && { jitter: retry.jitter }),
      },
    }),
    ...(timeoutMs !== undefined && { timeout: durationText(timeoutMs) }),
    ...(priority !== undefined && { priority }),
    ...(batch !== undefined && { batch }),
  };
}

function presentAlert(alert: AlertPolicy | null | undefined): EventTypeJson['alert'] {
  if (!alert) return null;
  const { extinct, oldestQueuedMs } = alert;
  return {
    extinct: extinct && { count: extinct.count, window: durationText(extinct.windowMs) },
    oldestQueued: oldestQueuedMs === null ? null : durationText(oldestQueuedMs),
  };
}

function presentRetry(retry: RetryMs | undefined): RetryJson | null {
  if (!retry) return null;
  const { maxAttempts, baseMs, capMs, jitter } = retry;
  return { maxAttempts, base: durationText(baseMs), cap: durationText(capMs), jitter };
}

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** The shortest spelling that `milliseconds` reads back to the same number. */
export function durationText(ms: number): string {
  for (const [unit, unitMs] of UNITS) if (ms >= unitMs && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  return `${ms}ms`;
}
