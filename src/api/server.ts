// The API as a process's part: opens the connections, listens, and stops so that every request that came in is answered
// and nothing is left open.

import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config.ts';
import { watchIncidents } from '../core/alerts/index.ts';
import { loadEventTypes } from '../core/event-types.ts';
import { hostUrl } from '../core/host-url.ts';
import { createPool } from '../core/ledger/pool.ts';
import { createOutbound } from '../core/outbound/index.ts';
import { clientConnectionOptions, temporalConnectionOptions } from '../core/temporal.ts';
import { startTracing } from '../core/tracing/index.ts';
import { features as allFeatures } from '../features.ts';
import { packageVersion } from '../package-version.ts';
import type { Api } from './api.ts';
import { buildApp } from './app.ts';
import { watchWorkers } from './worker-watch.ts';

export interface RunningApi {
  /** Where it listens, such as http://127.0.0.1:3000. */
  url: string;
  /** Answers what came in, then closes everything. May be called twice. */
  stop(): Promise<void>;
}

const READ_CONNECTIONS = 8;
const ACCEPT_CONNECTIONS = 5;
/** Readiness asks several things at once, the figures one after the other. */
const WATCH_CONNECTIONS = 3;
const ACCEPT_CONNECTION_TIMEOUT_MS = 1_500;
// A caller of reads has long gone by then; the longest statement of a batch is given 20 s.
const READ_WITHIN_MS = 10_000;
const ACCEPT_WITHIN_MS = 21_000;
const STOP_ANSWERS_WITHIN_MS = 10_000;
const TEMPORAL_CHECK_TIMEOUT_MS = 1_500;

/** Starts the API. Throws a ConfigError for a missing setting, an EventTypesError for a wrong module, or EADDRINUSE. */
export async function startApi(config: Config, log: Logger, features = allFeatures): Promise<RunningApi> {
  const { databaseUrl } = config;
  if (databaseUrl === undefined) throw new ConfigError('DATABASE_URL: the API needs a database; set it, or use tem up');
  if (config.adminKey === undefined)
    throw new ConfigError('TEM_ADMIN_KEY: the API needs an admin key; set it, or use tem up');
  const id = randomUUID();
  const tracing = await startTracing(config.tracing, { service: 'tem-api', instance: id }, log);
  const pool = createPool(databaseUrl, {
    max: READ_CONNECTIONS,
    applicationName: 'tem api',
    queryTimeoutMs: READ_WITHIN_MS,
    timed: true,
  });
  const watchPool = createPool(databaseUrl, {
    max: WATCH_CONNECTIONS,
    applicationName: 'tem api watch',
    queryTimeoutMs: READ_WITHIN_MS,
  });
  const acceptPool = createPool(databaseUrl, {
    max: ACCEPT_CONNECTIONS,
    applicationName: 'tem api accept',
    looksUp: true,
    connectionTimeoutMs: ACCEPT_CONNECTION_TIMEOUT_MS,
    queryTimeoutMs: ACCEPT_WITHIN_MS,
  });
  const outbound = createOutbound({ allow: config.outboundAllow, tracing });
  const temporal = createTemporal(config);
  const release = async (): Promise<void> => {
    const ends = [temporal.close(), outbound.close(), pool.end(), watchPool.end(), acceptPool.end(), tracing.stop()];
    await Promise.allSettled(ends);
  };

  try {
    const eventTypes = await loadEventTypes(config.eventTypeModules, { config, pool, log, outbound }, features);
    const app = await buildApp({
      config,
      pool,
      acceptPool,
      watchPool,
      databaseUrl,
      log,
      eventTypes,
      features,
      outbound,
      checkTemporal: temporal.check,
      temporal: temporal.client,
      tracing,
      version: packageVersion(),
    });
    await app.listen({ host: config.api.host, port: config.api.port });
    const url = hostUrl(config.api.host, (app.server.address() as AddressInfo).port);
    log.info({ url }, 'API listens');
    const { namespace } = config.temporal;
    const endWatch = watchWorkers(watchPool, { options: temporalConnectionOptions(config), namespace }, log);
    // It goes on where no worker is left to do it.
    const incidents = watchIncidents({
      id,
      pool: watchPool,
      config,
      features,
      shared: { config, pool: watchPool, log, outbound },
      log,
    });
    await incidents.start();
    let stopped: Promise<void> | undefined;
    return {
      url,
      stop() {
        endWatch();
        stopped ??= Promise.all([closeInTime(app), incidents.stop()])
          .then(() => {})
          .finally(release);
        return stopped;
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Waits for answers under way, then cuts what doesn't end. */
async function closeInTime(app: Api): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), STOP_ANSWERS_WITHIN_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

/** A client whose connection is made at the first call, and the question whether its namespace can be used. */
function createTemporal(config: Config): { client: Client; check(): Promise<void>; close(): Promise<void> } {
  const { namespace } = config.temporal;
  const connection = Connection.lazy(clientConnectionOptions(temporalConnectionOptions(config)));
  return {
    client: new Client({ connection, namespace }),
    async check() {
      await connection
        .withDeadline(Date.now() + TEMPORAL_CHECK_TIMEOUT_MS, () =>
          connection.workflowService.describeNamespace({ namespace }),
        )
        .catch((error: { code?: number }) => {
          throw new Error(
            error.code === GRPC_NOT_FOUND
              ? `Temporal has no namespace ${namespace}`
              : 'Temporal does not answer at its address',
          );
        });
    },
    close: () => connection.close(),
  };
}

const GRPC_NOT_FOUND = 5;
