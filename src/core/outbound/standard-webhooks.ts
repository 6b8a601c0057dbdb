// How a POST is signed (source: https://www.standardwebhooks.com, version 1.0.0).

import { createHmac } from 'node:crypto';

/** `webhook-signature`: one `v1,` part for each secret, so that a receiver may hold any of them while they rotate. */
export function sign(secrets: readonly string[], id: string, timestampSeconds: number, body: string): string {
  return secrets
    .map((secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .map((key) => `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest('base64')}`)
    .join(' ');
}
