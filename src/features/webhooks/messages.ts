// What a webhook event says: where to POST which JSON, and by which secret it is signed.

import { type Static, Type } from 'typebox';

export const WebhookPayload = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      maxLength: 2_048,
      description: 'http or https; private addresses only where TEM_OUTBOUND_ALLOW names them',
    }),
    body: Type.Unknown({ description: 'any JSON value; sent as application/json' }),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 8_192 }), {
        maxProperties: 50,
        description: 'sent beside the signature; they may not replace it, nor headers of the connection',
      }),
    ),
    secretName: Type.Optional(
      Type.String({
        pattern: '^[a-zA-Z][a-zA-Z0-9_]{0,63}$',
        description: 'signs with TEM_WEBHOOK_SECRET_<NAME> instead of TEM_WEBHOOK_SECRET',
      }),
    ),
  },
  { additionalProperties: false },
);
export type WebhookPayload = Static<typeof WebhookPayload>;
