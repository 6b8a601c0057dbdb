// The calls of reports under /v1/reports and /v1/report-deliveries.

import type { FastifyInstance } from 'fastify';
import type { RouteDependencies } from '../../../core/feature.ts';
import type { ReportSettings } from '../settings.ts';
import { createSources } from '../sources/index.ts';
import { definitionRoutes } from './definitions.ts';
import { deliveryRoutes } from './deliveries.ts';
import { runRoute } from './run.ts';

export function reportRoutes(app: FastifyInstance, dependencies: RouteDependencies<ReportSettings>): void {
  const { pool, databaseUrl, settings } = dependencies;
  const sources = createSources({ pool, databaseUrl, settings });
  definitionRoutes(app, dependencies, sources);
  runRoute(app, dependencies, sources);
  deliveryRoutes(app, dependencies);
}
