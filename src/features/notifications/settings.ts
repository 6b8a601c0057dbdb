// How many WebSockets an API process holds, and how long an inbox keeps what it has.

import { milliseconds } from '../../core/duration.ts';
import type { FeatureSettings } from '../../core/feature.ts';
import { atLeastMs, whole } from '../../settings.ts';

const RETENTION_MIN_MS = milliseconds('1d');

export interface NotificationSettings {
  socketsPerUser: number;
  socketsTotal: number;
  /** How long after it was read a notification is kept, and how long one that nobody reads. */
  readRetentionMs: number;
  unreadRetentionMs: number;
}

export const settings: FeatureSettings<NotificationSettings> = {
  help: {
    TEM_SOCKETS_PER_USER: 'WebSockets of one user (10)',
    TEM_SOCKETS_TOTAL: 'WebSockets of one API process (10000)',
    TEM_READ_RETENTION: 'how long a notification is kept after it was read (30d)',
    TEM_UNREAD_RETENTION: 'how long a notification is kept that nobody reads (90d)',
  },
  read: ({ parsed }) => ({
    socketsPerUser: parsed('TEM_SOCKETS_PER_USER', 10, whole(1, 10_000)),
    socketsTotal: parsed('TEM_SOCKETS_TOTAL', 10_000, whole(1, 1_000_000)),
    readRetentionMs: parsed('TEM_READ_RETENTION', milliseconds('30d'), atLeastMs(RETENTION_MIN_MS, '1d')),
    unreadRetentionMs: parsed('TEM_UNREAD_RETENTION', milliseconds('90d'), atLeastMs(RETENTION_MIN_MS, '1d')),
  }),
};
