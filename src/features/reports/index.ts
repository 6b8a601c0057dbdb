// Reports: a query that is kept with its parameters, format and recipients; a run is an event of type `report`, which makes
// a file and mails it, once, to those who have none.

import type { Feature } from '../../core/feature.ts';
import { type ReportSettings, settings } from './settings.ts';

export const reports: Feature<ReportSettings> = {
  name: 'reports',
  settings,
  eventTypes: async (dependencies) => [(await import('./event-types.ts')).reportType(dependencies)],
  metrics: async (registry, dependencies) => {
    if (dependencies.in === 'api') (await import('./metrics.ts')).reportMetrics(registry, dependencies.pool);
  },
  prune: async ({ pool, config }) => (await import('./prune.ts')).pruneReports(pool, config),
  routes: async (app, dependencies) => (await import('./routes/index.ts')).reportRoutes(app, dependencies),
};
