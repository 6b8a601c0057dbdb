// What is said about notifications: the event's payload, the frames of the WebSocket and the inbox over HTTP.

import { type Static, Type } from 'typebox';
import { USER_LENGTH_MAX, USER_PATTERN } from '../../core/user.ts';

export const DATA_BYTES_MAX = 32 * 1_024;

const NOT_BLANK = '\\S';

export const User = Type.String({
  minLength: 1,
  maxLength: USER_LENGTH_MAX,
  pattern: USER_PATTERN,
  description: 'the `sub` of the user token',
});

export const NotificationPayload = Type.Object(
  {
    user: User,
    title: Type.String({ minLength: 1, maxLength: 500, pattern: NOT_BLANK }),
    body: Type.String({ maxLength: 10_000 }),
    data: Type.Optional(
      Type.Unknown({ description: `any JSON value of at most ${DATA_BYTES_MAX} bytes, for the application` }),
    ),
  },
  { additionalProperties: false },
);
export type NotificationPayload = Static<typeof NotificationPayload>;

/** An id rises per user and is a string, because it may outgrow a double. */
export const NotificationId = Type.String({ pattern: '^(0|[1-9][0-9]{0,17})$', description: 'rises per user' });

const fields = {
  id: NotificationId,
  event: Type.String({ format: 'uuid', description: 'the id of the event that it came from' }),
  title: Type.String(),
  body: Type.String(),
  data: Type.Unknown(),
  createdAt: Type.String({ format: 'date-time' }),
};

/** Server to client over the WebSocket. */
export const NotificationFrame = Type.Object({ type: Type.Literal('notification'), ...fields });
export type NotificationFrame = Static<typeof NotificationFrame>;

/** An entry of the inbox over HTTP. */
export const Notification = Type.Object({
  ...fields,
  readAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});
export type Notification = Static<typeof Notification>;
