// Calls a handler and turns whatever it does into a verdict: it may return, throw anything, forget promises,
// ignore its signal or never come back. What it did is only written down here; nothing is marked yet.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from 'pino';
import { LedgerUnavailable, NoPlace, NotRetryable, RetryAfter } from '../errors.ts';
import type { FlowTaker, HandlerContext } from '../event-type.ts';
import type { EventTypes } from '../event-types.ts';
import { errorText } from '../ledger/mark.ts';
import { isUnavailable } from '../ledger/pool.ts';
import type { Tracing } from '../tracing/index.ts';
import type { AttemptClock } from './clock.ts';
import { createEmit } from './emit.ts';
import { type AbortReason, AttemptAborted } from './running.ts';
import type { LedgerTransaction } from './transaction.ts';

/** How long a handler may take to obey its signal before it is left alone. */
const OBEY_SIGNAL_MS: Record<AbortReason, number> = { timeout: 0, cancel: 500, shutdown: 1_000 };
const RESULT_BYTES_MAX = 256 * 1_024;
/** Where nobody keeps flows. */
const UNLIMITED: FlowTaker = { take: async () => () => {} };
/** Temporal keeps the last ones with the running attempt, and fails the activity when they are too many. */
const HEARTBEAT_BYTES_MAX = 16 * 1_024;

/** When an event that found no place comes again, unless it knows better. */
const CROWDED_OUT_DELAY_MS = 1_000;

export type Verdict =
  | { verdict: 'returned'; result: string | null }
  /** The code doesn't take the payload, so no handler was called. */
  | { verdict: 'refused'; error: string }
  | { verdict: 'failed'; error: string; retryable: boolean; delayMs: number | undefined }
  | { verdict: 'aborted'; why: AbortReason; error: string }
  /** It found no place to do anything: not an attempt either. */
  | { verdict: 'crowdedOut'; error: string; delayMs: number }
  /** The ledger was lost under the handler: not the handler's failure, so not an attempt. */
  | { verdict: 'ledgerLost'; error: string };

export interface AttemptId {
  id: string;
  epoch: number;
}

/** Whose handler the running code belongs to: unhandled rejections are charged to it. */
export const currentEvent = new AsyncLocalStorage<{
  attempts: readonly AttemptId[];
  log: Logger;
  hide(text: string): string;
  /** Fails the attempt; false when it is over. */
  fail(error: string): boolean;
}>();

export interface HandlerCall {
  /** One, or those of a set. */
  attempts: readonly AttemptId[];
  tx: LedgerTransaction;
  controller: AbortController;
  timeoutMs: number;
  log: Logger;
  /** Takes the secrets of the payload out of a text. */
  hide(text: string): string;
  /** Absent where nobody waits for signs of life. */
  heartbeat?: ((details?: unknown) => void) | undefined;
  invoke(context: HandlerContext): unknown;
}

/** Runs the handler within its time limit. Never rejects. */
export async function callHandler(
  {
    clock,
    types,
    flows,
    tracing,
  }: { clock: AttemptClock; types: EventTypes; flows?: FlowTaker | undefined; tracing: Tracing },
  call: HandlerCall,
): Promise<Verdict> {
  const { signal } = call.controller;
  const [emitter, another] = call.attempts;
  const emit = createEmit({ types, tracing }, call.tx, another ? undefined : emitter?.id);
  // Cancelled, or the worker stops, before its turn came.
  if (signal.aborted) return aborted(signal);
  const limit = clock.limit(call.timeoutMs, () => call.controller.abort(new AttemptAborted('timeout')));
  call.tx.limit = limit;
  let settled: (verdict: Verdict) => void = () => {};
  const abandoned = new Promise<Verdict>((resolve) => {
    settled = resolve;
  });
  const onAbort = (): void => {
    const verdict = aborted(signal);
    const obeyMs = OBEY_SIGNAL_MS[verdict.why];
    if (obeyMs === 0) settled(verdict);
    else clock.limit(obeyMs, () => settled(verdict));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  let over = false;
  const fail = (error: string): boolean => {
    if (over) return false;
    settled({ verdict: 'failed', error, retryable: true, delayMs: undefined });
    return true;
  };
  try {
    return await Promise.race([
      currentEvent.run({ attempts: call.attempts, log: call.log, hide: call.hide, fail }, () =>
        judge(call, { emit, flows: flows ?? UNLIMITED, offTheClock: limit.offTheClock }),
      ),
      abandoned,
    ]);
  } finally {
    over = true;
    limit.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

async function judge(
  call: HandlerCall,
  given: Pick<HandlerContext, 'emit' | 'flows' | 'offTheClock'>,
): Promise<Verdict> {
  const { tx, log, hide, heartbeat } = call;
  const { signal } = call.controller;
  try {
    const beat = (details?: unknown): void => {
      // What can't be kept is refused everywhere alike.
      const kept = progress(details);
      heartbeat?.(kept);
    };
    const value = await call.invoke({ ...given, tx, signal, heartbeat: beat, log });
    return tx.lost ? { verdict: 'ledgerLost', error: errorText(tx.lost, hide) } : serialise(value, hide);
  } catch (error) {
    if (signal.aborted) return aborted(signal);
    if (tx.lost || isLedgerError(error)) return { verdict: 'ledgerLost', error: errorText(error, hide) };
    if (isNoPlace(error))
      return { verdict: 'crowdedOut', error: errorText(error, hide), delayMs: error.delayMs ?? CROWDED_OUT_DELAY_MS };
    return {
      verdict: 'failed',
      error: errorText(error, hide),
      retryable: !isNamed(error, NotRetryable.name),
      delayMs: delayOf(error),
    };
  }
}

function aborted({ reason }: AbortSignal): Verdict & { verdict: 'aborted' } {
  const { why, message } = reason as AttemptAborted;
  return { verdict: 'aborted', why, error: message };
}

/** By name: the user's module may have loaded its own copy of TEM. */
function isNamed(error: unknown, name: string): boolean {
  try {
    return error instanceof Error && error.name === name;
  } catch {
    return false;
  }
}

/** TEM's own and no other's: a handler may call its errors so too. */
function isNoPlace(error: unknown): error is NoPlace {
  try {
    return error instanceof NoPlace;
  } catch {
    return false;
  }
}

/** The delay that the error asks for, when it is one. */
function delayOf(error: unknown): number | undefined {
  if (!isNamed(error, RetryAfter.name)) return undefined;
  const { delayMs } = error as RetryAfter;
  return typeof delayMs === 'number' && delayMs >= 0 ? delayMs : undefined;
}

// Only an error of our own connection: a handler may use other databases whose outages are its own failures.
function isLedgerError(error: unknown): boolean {
  return isNamed(error, LedgerUnavailable.name) && isUnavailable((error as Error).cause ?? error);
}

/** The details as they are now, for what sends them again later. Throws, in the handler, for what Temporal wouldn't take. */
function progress(details: unknown): unknown {
  let text: string | undefined;
  try {
    text = JSON.stringify(details);
  } catch (error) {
    throw new TypeError("heartbeat: the details can't be written as JSON", { cause: error });
  }
  if (text === undefined) return undefined;
  const bytes = Buffer.byteLength(text);
  if (bytes > HEARTBEAT_BYTES_MAX)
    throw new RangeError(`heartbeat: the details have ${bytes} bytes; at most ${HEARTBEAT_BYTES_MAX} are kept`);
  return JSON.parse(text);
}

/** A result as the ledger keeps it, or why it can't be kept. */
export function serialise(value: unknown, hide: HandlerCall['hide']): Verdict {
  const failed = (error: string): Verdict => ({ verdict: 'failed', error, retryable: true, delayMs: undefined });
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return failed(`the handler's result can't be written as JSON: ${errorText(error, hide)}`);
  }
  if (text === undefined) {
    if (value === undefined) return { verdict: 'returned', result: null };
    return failed(`the handler's result can't be written as JSON: it is a ${typeof value}`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > RESULT_BYTES_MAX) {
    return failed(
      `the handler's result has ${bytes} bytes; at most ${RESULT_BYTES_MAX} are kept: store it elsewhere and return where`,
    );
  }
  // jsonb holds neither NUL nor lone surrogates, which JSON.stringify writes as escapes.
  if (/(?<!\\)(?:\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/.test(text))
    return failed("the handler's result holds a NUL or a lone surrogate, which Postgres can't keep");
  return { verdict: 'returned', result: text };
}
