// An event type whose attempts all fail, each saying by which idempotency key it would have called out.

import { Type } from 'typebox';
import { defineEventType } from '../../src/core/event-type.ts';

export const failing = defineEventType({
  name: 'failing',
  payload: Type.Object({}),
  retry: { maxAttempts: 2, base: '100ms' },
  handle({ idempotencyKey }) {
    throw new Error(`key ${idempotencyKey}`);
  },
});
