// How many WebSockets an API process holds.

import type { FeatureSettings } from '../../core/feature.ts';
import { whole } from '../../settings.ts';

export interface NotificationSettings {
  socketsPerUser: number;
  socketsTotal: number;
}

export const settings: FeatureSettings<NotificationSettings> = {
  help: {
    TEM_SOCKETS_PER_USER: 'WebSockets of one user (10)',
    TEM_SOCKETS_TOTAL: 'WebSockets of one API process (10000)',
  },
  read: ({ parsed }) => ({
    socketsPerUser: parsed('TEM_SOCKETS_PER_USER', 10, whole(1, 10_000)),
    socketsTotal: parsed('TEM_SOCKETS_TOTAL', 10_000, whole(1, 1_000_000)),
  }),
};
