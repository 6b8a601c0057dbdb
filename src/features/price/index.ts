// Price checks: shops and their products, each checked at its hour, with what its price was and the deals that are found.
// The batch is the fast path; a product that fails leaves it and becomes a `price.check` event.

import type { Feature } from '../../core/feature.ts';
import { recurringSchedules } from './schedules.ts';
import { type PriceSettings, settings } from './settings.ts';

export const price: Feature<PriceSettings> = {
  name: 'price',
  settings,
  eventTypes: async (dependencies) => {
    const { batchType, changedType, checkType } = await import('./event-types.ts');
    const { recurringTypes } = await import('./recurring.ts');
    return [checkType, batchType, changedType].map((type) => type(dependencies)).concat(recurringTypes(dependencies));
  },
  workflows: ['priceSweep'],
  activities: async (dependencies) => (await import('./sweep/activities.ts')).sweepActivities(dependencies),
  schedules: (dependencies) => recurringSchedules(dependencies),
  commands: [
    {
      name: 'price',
      description: 'imports, checks, sweeps and deals of prices',
      load: async () => (await import('./commands.ts')).priceCommands,
    },
  ],
  metrics: async (registry, { pool, in: process_ }) => {
    if (process_ === 'api') (await import('./metrics.ts')).priceMetrics(registry, pool);
  },
  alerts: async ({ pool }) => (await import('./alerts.ts')).sweepConditions(pool),
  erase: async (client, subject) => (await import('./store/erase.ts')).eraseSubscriptions(client, subject),
  routes: async (app, dependencies) => {
    const { priceRoutes } = await import('./routes/index.ts');
    await priceRoutes(app, dependencies);
  },
};
