// The event type `webhook`: one POST, signed after Standard Webhooks. Its id is the event's on every attempt and revival,
// so that a receiver can tell a repeat (rule 19).

import { NoPlace, NotRetryable } from '../../core/errors.ts';
import { defineEventType, type EventType } from '../../core/event-type.ts';
import type { FeatureDependencies } from '../../core/feature.ts';
import { TargetRefused } from '../../core/outbound/index.ts';
import { sign } from '../../core/outbound/standard-webhooks.ts';
import { WebhookPayload } from './messages.ts';
import { judge, refusePayload, secretsOf, secretVariable } from './rules.ts';
import type { WebhookSettings } from './settings.ts';

// Enough for the excerpt in last_error; the rest of an answer is of no use.
const ANSWER_BYTES_MAX = 4_096;
// The status has said how it went; reading on only saves the connection.
const ANSWER_BODY_WITHIN_MS = 1_000;

export function webhook({
  config,
  settings,
  outbound,
}: Pick<FeatureDependencies<WebhookSettings>, 'config' | 'settings' | 'outbound'>): EventType {
  const known = { default: config.secrets.TEM_WEBHOOK_SECRET ?? [], named: settings.namedSecrets };
  const refuse = (payload: WebhookPayload) => refusePayload(payload, outbound.refuse, known);
  return defineEventType({
    name: 'webhook',
    payload: WebhookPayload,
    timeout: '15s',
    batch: 100,
    refuse,
    async handle({ id, payload }, { signal, offTheClock }) {
      const refusal = refuse(payload);
      if (refusal && !refusal.atAcceptOnly) throw new NotRetryable(`${refusal.path} ${refusal.message}`);
      const secrets = secretsOf(payload.secretName, known);
      // An operator's slip and not the event's fault: it is tried again once the secret is set.
      if (secrets.length === 0) throw new Error(`${secretVariable(payload.secretName)} is not set on this worker`);
      const body = JSON.stringify(payload.body);
      const timestampSeconds = Math.floor(Date.now() / 1_000);
      const answer = await outbound
        .request(payload.url, {
          method: 'POST',
          headers: {
            'user-agent': 'TEM-Webhooks/1',
            'content-type': 'application/json',
            ...lowerCaseNames(payload.headers),
            'webhook-id': id,
            'webhook-timestamp': String(timestampSeconds),
            'webhook-signature': sign(secrets, id, timestampSeconds, body),
          },
          body,
          signal,
          offTheClock,
          maxBytes: ANSWER_BYTES_MAX,
          bodyWithinMs: ANSWER_BODY_WITHIN_MS,
        })
        .catch((error: unknown) => fail(error, payload.url, signal));
      judge(answer, Date.now());
      return { status: answer.status };
    },
  });
}

function lowerCaseNames(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Says what the network did in words that name the target only as the sender wrote it. */
function fail(error: unknown, url: string, signal: AbortSignal): never {
  if (signal.aborted || error instanceof NoPlace) throw error;
  if (error instanceof TargetRefused) throw new NotRetryable(error.message, { cause: error });
  const code = (error as { code?: unknown }).code;
  // Not the error itself: its message holds addresses that DNS gave.
  throw new Error(`no answer from ${new URL(url).host}: ${typeof code === 'string' ? code : 'connection failed'}`, {
    cause: error,
  });
}
