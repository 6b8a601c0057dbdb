// The API as a value: everything it needs comes in, nothing is opened or listened on here. Routes are thin; what they
// decide lives in src/core, and each feature adds its own.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Client } from '@temporalio/client';
import Fastify, { type FastifyBaseLogger, type FastifyPluginAsync, LogController } from 'fastify';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { createAccept } from '../core/accept-events.ts';
import { alertFindings } from '../core/alerts/index.ts';
import type { EventTypes } from '../core/event-types.ts';
import type { AnyFeature, RouteDependencies } from '../core/feature.ts';
import { dependenciesOf } from '../core/feature-dependencies.ts';
import { featureHealth } from '../core/health/features.ts';
import { checkSchedules } from '../core/health/schedules.ts';
import { answerProblems, sendProblem, toProblem } from '../core/http/problem.ts';
import { HttpRequest } from '../core/http/upgrades.ts';
import { checkStrictly } from '../core/http/validation.ts';
import { createWebSockets } from '../core/http/web-sockets.ts';
import { createAccepter } from '../core/ledger/accepter.ts';
import { createStatsReader } from '../core/ledger/stats.ts';
import { createTypeDirectory } from '../core/ledger/type-directory.ts';
import { registerOperationFigures } from '../core/operation-figures.ts';
import type { Outbound } from '../core/outbound/index.ts';
import { registerScheduleFigures } from '../core/schedules/figures.ts';
import { type Tracing, untraced } from '../core/tracing/index.ts';
import type { Api, ApiCore } from './api.ts';
import { requireAccess } from './auth.ts';
import { BODY_BYTES_MAX, limitBodies, readBodies } from './body.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { type Callers, createCallers } from './callers.ts';
import { consoleRoutes } from './console/index.ts';
import { createIncoming } from './incoming.ts';
import { createMetrics } from './metrics.ts';
import { refuseNulInAddresses } from './nul-in-address.ts';
import { oidcRoutes } from './oidc/index.ts';
import { describeApi } from './openapi.ts';
import { tellQueryTime } from './query-time.ts';
import { createReadiness } from './readiness.ts';
import { takeReason } from './reason.ts';
import { acceptRoutes } from './routes/accept.ts';
import { accessRoutes } from './routes/access.ts';
import { alertRoutes } from './routes/alerts.ts';
import { emittedRoute } from './routes/emitted.ts';
import { eventTypeRoutes } from './routes/event-types.ts';
import { eventRoutes } from './routes/events.ts';
import { failureRoutes } from './routes/failures.ts';
import { flowRoutes } from './routes/flows.ts';
import { healthRoutes } from './routes/health.ts';
import { newRedriveRoutes } from './routes/new-redrive.ts';
import { overviewRoutes } from './routes/overview.ts';
import { payloadRoutes } from './routes/payload.ts';
import { redriveRoutes } from './routes/redrives.ts';
import { subjectRoutes } from './routes/subjects.ts';
import { workerRoutes } from './routes/workers.ts';
import { scheduleRoutes } from './schedules/index.ts';
import { traceRequests } from './traces.ts';
import { readOnBeforeAnswers } from './unread-body.ts';

export interface ApiDependencies {
  config: Config;
  /** For reads and for people's calls. */
  pool: Pool;
  /** For accepting alone, so that slow reads can't take its connections. */
  acceptPool: Pool;
  /** For readiness and figures alone, for the same reason. */
  watchPool: Pool;
  databaseUrl: string;
  log: Logger;
  eventTypes: EventTypes;
  features: readonly AnyFeature[];
  outbound: Outbound;
  /** Rejects with a message for a person when Temporal or its namespace can't be used. */
  checkTemporal(): Promise<void>;
  /** Connects at its first call. */
  temporal: Client;
  /** Absent: none. */
  tracing?: Tracing;
  version: string;
}

/** The longest that any route lets a request take to arrive; most let it take BODY_WITHIN_MS. */
const REQUEST_TIMEOUT_MS = 3_600_000;
const PATH_PARAMETER_LENGTH_MAX = 2_048;

export async function buildApp(dependencies: ApiDependencies): Promise<Api> {
  const { config, pool, watchPool, log, eventTypes, tracing = untraced } = dependencies;
  const app: Api = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    // A line for each request would drown the rest; failures and, at debug, accepted events have theirs.
    logController: new LogController({ disableRequestLogging: true }),
    http: { IncomingMessage: HttpRequest },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // A request that came in before the end of a clean stop is answered, not turned away.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
    frameworkErrors: (error, request, reply) => void sendProblem(reply, toProblem(error, request.id)),
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>();
  // One logger for all requests: a child for each costs more than the event's own line.
  app.setChildLoggerFactory((logger) => logger);

  const callers = createCallers(config, watchPool);
  const directory = createTypeDirectory(pool, eventTypes);
  const stats = createStatsReader(watchPool);
  const accepter = createAccepter(dependencies.acceptPool, tracing);
  const core: ApiCore = {
    pool,
    accepter,
    incoming: createIncoming(eventTypes, directory),
    directory,
    flowNames: new Set(dependencies.features.map(({ name }) => name)),
    stats,
    readiness: createReadiness({
      pool: watchPool,
      checkTemporal: dependencies.checkTemporal,
      foundDiskFull: accepter.foundDiskFull,
      furtherFindings: [
        () => alertFindings(watchPool),
        async () => [await checkSchedules(watchPool)],
        featureHealth(dependencies.features, dependencies),
      ],
    }),
    metrics: createMetrics(stats, watchPool, config.metricsFrom, log),
  };
  registerOperationFigures(core.metrics.ofFeature('operation'), watchPool);
  registerScheduleFigures(core.metrics.ofFeature('schedules'), watchPool);

  answerProblems(app);
  checkStrictly(app);
  readBodies(app);
  requireAccess(app, callers);
  refuseNulInAddresses(app);
  core.metrics.watch(app);
  traceRequests(app, tracing);
  limitBodies(app);
  readOnBeforeAnswers(app);
  closeAnsweredConnections(app);
  tellQueryTime(app);
  takeReason(app);
  await describeApi(app, dependencies.version);
  routesOfEvents(app, core, dependencies.features);
  flowRoutes(app, core);
  workerRoutes(app, core);
  healthRoutes(app, core);
  accessRoutes(app, core, callers);
  consoleRoutes(app, { config, pool: watchPool, stats, log, version: dependencies.version });
  oidcRoutes(app, { settings: config.access.oidc, callers, log });
  alertRoutes(app, core);
  scheduleRoutes(app, { ...core, temporal: dependencies.temporal });
  await addFeatures(app, core, dependencies, callers);
  return app;
}

async function addFeatures(app: Api, core: ApiCore, dependencies: ApiDependencies, callers: Callers): Promise<void> {
  const { config, pool, log, eventTypes } = dependencies;
  const shared: Omit<RouteDependencies, 'settings'> = {
    config,
    pool,
    log,
    auth: callers.auth,
    outbound: dependencies.outbound,
    accept: createAccept(eventTypes, core.accepter),
    temporal: dependencies.temporal,
    databaseUrl: dependencies.databaseUrl,
    webSockets: createWebSockets(app.server),
  };
  for (const feature of dependencies.features) {
    const own = dependenciesOf(feature, shared);
    await feature.metrics?.(core.metrics.ofFeature(feature.name), { ...own, in: 'api' });
    if (!feature.routes) continue;
    const plugin: FastifyPluginAsync = async (scope) => feature.routes?.(scope, own);
    await app.register(plugin);
  }
}

function routesOfEvents(app: Api, core: ApiCore, features: readonly AnyFeature[]): void {
  acceptRoutes(app, core);
  eventRoutes(app, core);
  emittedRoute(app, core);
  payloadRoutes(app, core);
  subjectRoutes(app, core, features);
  failureRoutes(app, core);
  newRedriveRoutes(app, core);
  redriveRoutes(app, core);
  overviewRoutes(app, core);
  eventTypeRoutes(app, core);
}

/** While the app closes, each answer ends its connection: a kept-alive one would hold the stop up for nothing. */
function closeAnsweredConnections(app: Api): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });
}
