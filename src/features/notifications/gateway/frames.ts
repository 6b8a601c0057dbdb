// The text of the WebSocket's frames.

import type { Notification, NotificationFrame } from '../messages.ts';

const ID = /^(0|[1-9][0-9]{0,17})$/;

export function isNotificationId(text: string): boolean {
  return ID.test(text);
}

export function notificationFrame({ id, event, title, body, data, createdAt }: Notification): string {
  return JSON.stringify({ type: 'notification', id, event, title, body, data, createdAt } satisfies NotificationFrame);
}

/** The id of an ack frame, or undefined when the text is anything else. */
export function parseAck(text: string): string | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof frame !== 'object' || frame === null) return undefined;
  const { type, id, ...rest } = frame as { type?: unknown; id?: unknown };
  return type === 'ack' && typeof id === 'string' && isNotificationId(id) && Object.keys(rest).length === 0
    ? id
    : undefined;
}
