// The event type `notification`: one entry into a user's inbox, in the transaction that marks the event PROCESSED.

import { defineEventType, type EventType } from '../../core/event-type.ts';
import { DATA_BYTES_MAX, NotificationPayload } from './messages.ts';
import { insertNotifications } from './store.ts';

export const notification: EventType = defineEventType({
  name: 'notification',
  payload: NotificationPayload,
  subject: '/user',
  batch: 100,
  refuse({ data }) {
    const bytes = data === undefined ? 0 : Buffer.byteLength(JSON.stringify(data));
    return bytes > DATA_BYTES_MAX
      ? { path: '/data', message: `must have at most ${DATA_BYTES_MAX} bytes as JSON` }
      : undefined;
  },
  async handle({ id, payload }, { tx }) {
    await insertNotifications(tx, [{ eventId: id, payload }]);
  },
  async handleAll(events, { tx }) {
    await insertNotifications(
      tx,
      events.map(({ id, payload }) => ({ eventId: id, payload })),
    );
  },
});
