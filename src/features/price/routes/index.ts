// The calls of price checks under /v1/price.

import type { FastifyInstance } from 'fastify';
import type { RouteDependencies } from '../../../core/feature.ts';
import { loadAdapters } from '../checking/adapters.ts';
import type { PriceSettings } from '../settings.ts';
import { checkRoutes } from './checks.ts';
import { formulaRoutes } from './formula.ts';
import { importRoute } from './import.ts';
import { productRoutes } from './products.ts';
import { shopRoutes } from './shops.ts';
import { subscriptionRoutes } from './subscriptions.ts';
import { sweepRoutes } from './sweeps.ts';

/** Rejects with a ConfigError for adapters that can't be loaded, which stops the start. */
export async function priceRoutes(app: FastifyInstance, dependencies: RouteDependencies<PriceSettings>): Promise<void> {
  shopRoutes(app, dependencies, await loadAdapters(dependencies.settings.adapterModules));
  productRoutes(app, dependencies);
  checkRoutes(app, dependencies);
  importRoute(app, dependencies);
  formulaRoutes(app, dependencies);
  sweepRoutes(app, dependencies);
  subscriptionRoutes(app, dependencies);
}
