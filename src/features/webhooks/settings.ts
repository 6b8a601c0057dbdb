// The secrets that sign webhooks: one made at the first start, and further ones by name (rule 19).

import { randomBytes } from 'node:crypto';
import type { FeatureSettings } from '../../core/feature.ts';

export interface WebhookSettings {
  /** By lower-case name; the first of several signs first, all are offered while rotating. */
  namedSecrets: Record<string, string[]>;
}

const SECRET_MIN_BYTES = 24;
const MADE_SECRET_BYTES = 32;

export const settings: FeatureSettings<WebhookSettings> = {
  help: {
    TEM_WEBHOOK_SECRET: 'signs webhooks, whsec_...; several while rotating (made at the first start)',
    'TEM_WEBHOOK_SECRET_<NAME>': 'signs the webhooks whose secretName is <NAME>',
  },
  read: ({ family, each }) => ({
    namedSecrets: Object.fromEntries(
      Object.entries(family('TEM_WEBHOOK_SECRET_<NAME>')).map(([name, setting]) => [name, each(setting, check)]),
    ),
  }),
  secrets: {
    TEM_WEBHOOK_SECRET: { check, make: () => `whsec_${randomBytes(MADE_SECRET_BYTES).toString('base64')}` },
  },
};

/** A secret as the Standard Webhooks specification writes it. Throws a RangeError for any other. */
function check(text: string): void {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  if (!encoded || Buffer.from(encoded, 'base64').length < SECRET_MIN_BYTES) {
    throw new RangeError(`each secret must be whsec_ and at least ${SECRET_MIN_BYTES} bytes in base64`);
  }
}
