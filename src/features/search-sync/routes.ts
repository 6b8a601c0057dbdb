// The routes of search sync, and what they share.

import type { FastifyInstance } from 'fastify';
import { actorOf } from '../../core/access/principal.ts';
import type { RouteDependencies } from '../../core/feature.ts';
import { detailedRoutes } from './routes/detailed.ts';
import { loadRoutes } from './routes/loads.ts';
import { mappingRoutes } from './routes/mappings.ts';
import { queueRoutes } from './routes/queue.ts';
import { suggestRoutes } from './routes/suggest.ts';
import { noting, type SearchRoutes } from './routes/surface.ts';
import { verifyRoutes } from './routes/verify.ts';
import { createRuntime } from './runtime.ts';
import type { SearchSettings } from './settings.ts';

const CONNECTIONS = 4;

export function searchRoutes(
  app: FastifyInstance,
  { databaseUrl, settings, log }: RouteDependencies<SearchSettings>,
): void {
  const runtime = createRuntime(databaseUrl, settings, { connections: CONNECTIONS, name: 'tem search api' });
  app.addHook('onClose', () => runtime.close());
  const search: SearchRoutes = {
    pool: runtime.pool,
    settings,
    targets: runtime.targets,
    states: runtime.states,
    log,
    actor: actorOf,
    note: noting(runtime.pool, actorOf),
  };
  mappingRoutes(app, search);
  queueRoutes(app, search);
  loadRoutes(app, search);
  verifyRoutes(app, search);
  suggestRoutes(app, search);
  detailedRoutes(app, search);
}
