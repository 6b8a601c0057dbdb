// What a Retry-After header asks for (RFC 9110): seconds, or an HTTP date.

import { milliseconds } from '../duration.ts';

/** Nobody can put us off beyond this. */
export const RETRY_AFTER_MAX_MS = milliseconds('24h');

/**
 * Milliseconds that a Retry-After header asks for, as seconds or as an HTTP date, `RETRY_AFTER_MAX_MS` at most; undefined
 * when it is neither, or asks for no wait at all: without the backoff the attempts would be used up in a moment.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  const delayMs = /^\d+$/.test(text) ? Number(text) * 1_000 : httpDateMs(text) - nowMs;
  return delayMs > 0 ? Math.min(delayMs, RETRY_AFTER_MAX_MS) : undefined;
}

/** Unix milliseconds of a date in one of the three forms of RFC 9110 5.6.7, else NaN. */
function httpDateMs(text: string): number {
  // Date.parse alone takes almost anything for a date.
  if (/^[A-Z][a-z]{2,8}, .+ GMT$/.test(text)) return Date.parse(text);
  // The form of asctime, such as `Sun Nov  6 08:49:37 1994`, says no zone and means GMT.
  if (/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/.test(text)) return Date.parse(`${text} GMT`);
  return Number.NaN;
}
