// A receiver of webhooks on this machine, and attempts of the event type's own handler to reach it.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Config, readConfig } from '../../../src/config.ts';
import type { EventView, HandlerContext } from '../../../src/core/event-type.ts';
import { createEventTypes } from '../../../src/core/event-types.ts';
import { createOutbound, type Outbound } from '../../../src/core/outbound/index.ts';
import { webhook } from '../../../src/features/webhooks/event-types.ts';
import type { WebhookPayload } from '../../../src/features/webhooks/messages.ts';
import type { WebhookSettings } from '../../../src/features/webhooks/settings.ts';

export const SECRETS = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'] as const;
export const BILLING_SECRET = 'whsec_bmV3IHNlY3JldCBvZiB0aGUgYmlsbGluZyB0ZWFtIQ==';

export interface Received {
  headers: IncomingHttpHeaders;
  url: string;
  body: string;
}

/** What the event type is made of. */
export function settingsOf(config: Config, outbound: Outbound) {
  return { config, outbound, settings: config.features.webhooks as WebhookSettings };
}

/** A receiver on this machine that keeps what it got, and the event type that may call it. */
export async function setup(
  answer: (response: ServerResponse, received: Received) => void = (response) => void response.end(),
) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const each = { headers: request.headers, url: request.url ?? '', body };
      received.push(each);
      answer(response, each);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = readConfig({
    TEM_OUTBOUND_ALLOW: '127.0.0.1',
    TEM_WEBHOOK_SECRET: SECRETS.join(','),
    TEM_WEBHOOK_SECRET_BILLING: BILLING_SECRET,
  });
  const outbound = createOutbound({ allow: config.outboundAllow });
  onTestFinished(async () => {
    await outbound.close();
    server.closeAllConnections();
    server.close();
  });
  const type = webhook(settingsOf(config, outbound));
  const attempt = (payload: Partial<WebhookPayload>, event: { id?: string; signal?: AbortSignal } = {}) => {
    const context = { signal: event.signal ?? AbortSignal.timeout(10_000) } as unknown as HandlerContext;
    return Promise.resolve(
      type.handle(
        { id: event.id ?? randomUUID(), payload: { url, body: {}, ...payload } } as unknown as EventView<never>,
        context,
      ),
    );
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return {
    received,
    url,
    type,
    attempt,
    refusal: (payload: unknown) => createEventTypes([type]).refusal(type, payload),
  };
}

export const failure = (attempt: Promise<unknown>): Promise<Error & { delayMs?: number }> =>
  attempt.then(
    () => Promise.reject(new Error('it succeeded')),
    (error) => error,
  );
