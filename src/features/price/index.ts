// Price checks: shops and their products, each checked at its hour, with what its price was and the deals that are found.
// The batch is the fast path; a product that fails leaves it and becomes a `price.check` event.

import type { Feature } from '../../core/feature.ts';
import { type PriceSettings, settings } from './settings.ts';

export const price: Feature<PriceSettings> = {
  name: 'price',
  settings,
  eventTypes: async (dependencies) => {
    const { batchType, changedType, checkType } = await import('./event-types.ts');
    return [checkType(dependencies), batchType(dependencies), changedType(dependencies)];
  },
  background: async (dependencies) => {
    const { useFlows } = await import('./engine.ts');
    useFlows(dependencies);
    return [];
  },
  routes: async (app, dependencies) => {
    const { priceRoutes } = await import('./routes/index.ts');
    priceRoutes(app, dependencies);
  },
};
