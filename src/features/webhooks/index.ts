// Webhooks: an event of type `webhook` is one POST, signed after Standard Webhooks, tried until the receiver takes it.

import type { Feature } from '../../core/feature.ts';
import { settings, type WebhookSettings } from './settings.ts';

export const webhooks: Feature<WebhookSettings> = {
  name: 'webhooks',
  settings,
  eventTypes: async (dependencies) => [(await import('./event-types.ts')).webhook(dependencies)],
  routes: async (app, dependencies) => (await import('./routes.ts')).webhookRoutes(app, dependencies),
};
