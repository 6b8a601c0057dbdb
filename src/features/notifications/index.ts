// Notifications: an event of type `notification` puts one entry into a user's inbox, in the transaction that marks it
// PROCESSED; gateways push it to the user's sockets, and a user who was away reads it later.

import type { Feature } from '../../core/feature.ts';
import { type NotificationSettings, settings } from './settings.ts';

export const notifications: Feature<NotificationSettings> = {
  name: 'notifications',
  settings,
  eventTypes: async () => [(await import('./event-types.ts')).notification],
  routes: async (app, dependencies) => (await import('./routes.ts')).notificationRoutes(app, dependencies),
  erase: async (client, subject) => (await import('./store.ts')).eraseInbox(client, subject),
  prune: async ({ pool, settings }) => (await import('./prune.ts')).pruneInboxes(pool, settings),
};
