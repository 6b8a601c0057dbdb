// What makes a webhook acceptable, by which secrets it is signed, and what an answer means. Pure functions.

import { NotRetryable, RetryAfter } from '../../core/errors.ts';
import type { PayloadRefusal } from '../../core/event-type.ts';
import { type OutboundResponse, retryAfterMs } from '../../core/outbound/index.ts';
import type { WebhookPayload } from './messages.ts';

export interface WebhookSecrets {
  default: string[];
  named: Record<string, string[]>;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
// They belong to the connection, to the message's framing or to the signature.
const RESERVED_HEADER =
  /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|http2-settings|proxy-.*|webhook-.*)$/i;
const EXCERPT_LENGTH = 200;
// Control characters, halves of surrogate pairs, and what stands for bytes that were no text.
const NO_TEXT = /[^\P{Cc}\t\n\r]|[\p{Cs}\ufffd]/gu;
const READABLE_PER_UNREADABLE_MIN = 10;
const UNPRINTABLE = /[\p{Cc}\p{Cs}\ufffd]+/gu;

/** Why a payload that fits the schema can't be sent by this process, with a JSON pointer, or undefined. */
export function refusePayload(
  { url, headers, secretName }: WebhookPayload,
  refuseUrl: (url: string) => string | undefined,
  secrets: WebhookSecrets,
): PayloadRefusal | undefined {
  const problem = refuseUrl(url);
  if (problem !== undefined) return { path: '/url', message: problem };
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers ?? {})) {
    const path = `/headers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!HEADER_NAME.test(name)) return { path, message: 'is not a header name' };
    if (RESERVED_HEADER.test(name)) return { path, message: 'is a header that TEM sets itself' };
    if (!HEADER_VALUE.test(value))
      return { path, message: 'must not hold control characters or characters beyond Latin-1' };
    if (seen.has(name.toLowerCase())) return { path, message: 'appears twice in other letters' };
    seen.add(name.toLowerCase());
  }
  if (secretName !== undefined && secretsOf(secretName, secrets).length === 0) {
    // Another process may have it, as while a new secret is rolled out.
    return { path: '/secretName', message: `no ${secretVariable(secretName)} is set`, atAcceptOnly: true };
  }
  return undefined;
}

/** The setting that holds the secrets of a name. */
export function secretVariable(secretName: string | undefined): string {
  return secretName === undefined ? 'TEM_WEBHOOK_SECRET' : `TEM_WEBHOOK_SECRET_${secretName.toUpperCase()}`;
}

/** The secrets that sign, newest first as configured; none when the name is unknown. */
export function secretsOf(secretName: string | undefined, secrets: WebhookSecrets): string[] {
  if (secretName === undefined) return secrets.default;
  const name = secretName.toLowerCase();
  return Object.hasOwn(secrets.named, name) ? (secrets.named[name] ?? []) : [];
}

/** Returns for 2xx. Throws NotRetryable for 410, RetryAfter where any other answer asks for it, else an Error. */
export function judge({ status, headers, body }: OutboundResponse, nowMs: number): void {
  if (status >= 200 && status < 300) return;
  const isRedirect = status >= 300 && status < 400;
  const message = `HTTP ${status}${isRedirect ? ': redirects are not followed' : excerpt(body)}`;
  if (status === 410) throw new NotRetryable(message);
  const delayMs = retryAfterMs(headers['retry-after'], nowMs);
  if (delayMs !== undefined) throw new RetryAfter(message, delayMs);
  throw new Error(message);
}

function excerpt(body: string): string {
  // Bytes that aren't text, such as a compressed body that doesn't say so, tell nobody anything.
  const unreadable = body.match(NO_TEXT)?.length ?? 0;
  if (unreadable * READABLE_PER_UNREADABLE_MIN > body.length) return '';
  const text = body.replace(UNPRINTABLE, ' ').trim().slice(0, EXCERPT_LENGTH);
  return text === '' ? '' : `: ${text}`;
}
