// Links to files for those who have no API key: an address that ends, signed with a secret of the ledger's.

import { createHmac, timingSafeEqual } from 'node:crypto';

export function filePath(delivery: string): string {
  return `/v1/report-deliveries/${delivery}/file`;
}

export function signedLink(base: string, secret: string, delivery: string, until: Date): string {
  const expires = String(Math.floor(until.getTime() / 1_000));
  return `${base}${filePath(delivery)}?expires=${expires}&signature=${signature(secret, delivery, expires)}`;
}

export function isSigned(
  secret: string,
  { delivery, expires, signature: given, now }: { delivery: string; expires: string; signature: string; now: Date },
): boolean {
  if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1_000 <= now.getTime()) return false;
  const wanted = Buffer.from(signature(secret, delivery, expires));
  const found = Buffer.from(given);
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

function signature(secret: string, delivery: string, expires: string): string {
  return createHmac('sha256', secret).update(`${delivery}.${expires}`).digest('base64url');
}
