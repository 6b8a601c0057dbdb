// Event types for the console's tests: orders that succeed, wait, fail a few times or for good, as their payload says.

import { setTimeout as delay } from 'node:timers/promises';
import { defineEventType, NotRetryable, Type } from 'tem';

export const order = defineEventType({
  name: 'order',
  payload: Type.Object(
    {
      order: Type.Object({ id: Type.Unknown(), note: Type.Optional(Type.String()) }, { additionalProperties: true }),
      does: Type.Optional(
        Type.Union([Type.Literal('succeed'), Type.Literal('fail'), Type.Literal('refuse'), Type.Literal('wait')]),
      ),
    },
    { additionalProperties: true },
  ),
  retry: { maxAttempts: 5, base: '1h', cap: '1h' },
  async handle({ payload }, { signal, emit }) {
    if (payload.does === 'fail') throw new Error(`the warehouse answered 503 to order ${String(payload.order.id)}`);
    if (payload.does === 'refuse') throw new NotRetryable(`order ${String(payload.order.id)} has no address`);
    if (payload.does === 'wait') await delay(600_000, undefined, { signal });
    await emit('notification', { user: 'warehouse', title: `Order ${String(payload.order.id)}`, body: '' });
    return { shipped: true };
  },
});
