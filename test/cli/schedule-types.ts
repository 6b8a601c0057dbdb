// Event types of the schedules in schedules.test.ts: one with a secret, and one for what other programs ran.

import { Type } from 'typebox';
import { defineEventType } from '../../src/core/event-type.ts';

export const secret = defineEventType({
  name: 'secret',
  payload: Type.Object({ user: Type.String(), token: Type.String({ secret: true }), text: Type.String() }),
  handle: () => null,
});

export const job = defineEventType({ name: 'job', payload: Type.Unknown(), handle: () => null });
