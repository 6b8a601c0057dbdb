// What a worker process is connected to: the ledger, Temporal, the outside. It waits for what is away and says so, also
// for what may yet be set right there, such as a password, a schema or a namespace; its own settings must be right.

import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type EventTypes, loadEventTypes } from '../core/event-types.ts';
import type { AnyFeature, FeatureDependencies } from '../core/feature.ts';
import { createListener, type Listener } from '../core/ledger/listener.ts';
import { createPool } from '../core/ledger/pool.ts';
import { createOutbound } from '../core/outbound/index.ts';
import { temporalConnectionOptions } from '../core/temporal.ts';
import { type Tracing, untraced } from '../core/tracing/index.ts';
import { ensureSearchAttributes } from './search-attributes.ts';

const CONNECT_RETRY_MS = 1_000;
const CLOSE_WITHIN_MS = 5_000;
/**
 * Begins, marks, claims and reconciler: kept apart from handlers' transactions (rule 13), and kept open: when
 * Postgres has no connection left, accepting fails before marking does (rule 15).
 */
const CORE_CONNECTIONS = 6;
/** For features beside their handlers' transactions, and for what they run in the background. */
const FEATURE_CONNECTIONS = 8;
/** Well below LEASE_MS: what is asked again soon gives up a connection that went silent. */
const LEASE_QUERY_TIMEOUT_MS = 4_000;
/** A handler may wait for a connection for as long as its own limit lasts. */
const HANDLER_CONNECTION_TIMEOUT_MS = 60_000;
/** Longer than the longest statement, for a connection that went silent. */
const QUERY_TIMEOUT_MS = 35_000;

export interface WorkerConnections {
  corePool: Pool;
  /** One connection for the lease: when all others have gone silent, its next renewal must not meet them in turn. */
  leasePool: Pool;
  handlersPool: Pool;
  /** What every feature gets; its pool is the features' own, for which no handler's transaction waits, nor it for them. */
  shared: Omit<FeatureDependencies, 'settings'>;
  listener: Listener;
  types: EventTypes;
  ledgerId: string;
  temporal: NativeConnection;
  client: Client;
  /** Whether Temporal has TEM's custom search attributes. */
  searchAttributes: boolean;
  tracing: Tracing;
  close(): Promise<void>;
}

export function createCorePool(databaseUrl: string): Pool {
  return createPool(databaseUrl, {
    max: CORE_CONNECTIONS,
    keptOpen: true,
    applicationName: 'tem worker',
    looksUp: true,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
  });
}

export function createLeasePool(databaseUrl: string): Pool {
  return createPool(databaseUrl, {
    max: 1,
    keptOpen: true,
    applicationName: 'tem lease',
    looksUp: true,
    queryTimeoutMs: LEASE_QUERY_TIMEOUT_MS,
  });
}

/** Connects a worker. Rejects for wrong settings and wrong event types; waits for everything that may come back. */
export async function connectWorker(
  config: Config,
  identity: string,
  features: readonly AnyFeature[],
  log: Logger,
  tracing: Tracing = untraced,
): Promise<WorkerConnections> {
  const { databaseUrl } = config;
  if (databaseUrl === undefined) throw new Error('a worker needs DATABASE_URL');
  const corePool = createCorePool(databaseUrl);
  const leasePool = createLeasePool(databaseUrl);
  const handlersPool = createPool(databaseUrl, {
    max: config.worker.connections,
    applicationName: 'tem handlers',
    forHandlers: true,
    connectionTimeoutMs: HANDLER_CONNECTION_TIMEOUT_MS,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
  });
  const outbound = createOutbound({ allow: config.outboundAllow, tracing });
  const featuresPool = createPool(databaseUrl, {
    max: FEATURE_CONNECTIONS,
    applicationName: 'tem features',
    forHandlers: true,
    connectionTimeoutMs: HANDLER_CONNECTION_TIMEOUT_MS,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
  });
  const shared = { config, pool: featuresPool, log, outbound };
  const types = await loadEventTypes(config.eventTypeModules, shared, features);
  const ledgerId = await untilThere(log, 'the ledger', async () => {
    const { rows } = await corePool.query<{ id: string }>('select id from tem.ledger');
    return rows[0]?.id as string;
  });
  const temporal = await untilThere(log, 'Temporal', () => NativeConnection.connect(temporalConnectionOptions(config)));
  const { namespace } = config.temporal;
  // The worker's own connection: only starts that share it can come back with the first task (eager start).
  const client = new Client({ connection: temporal, namespace, identity });
  const searchAttributes = await untilThere(log, `Temporal's namespace ${namespace}`, async () => {
    await client.workflowService.describeNamespace({ namespace });
    return ensureSearchAttributes(client, log);
  });
  const listener = createListener(databaseUrl, log);
  const close = async (): Promise<void> => {
    await listener.stop();
    await outbound.close();
    const ended = Promise.allSettled([corePool.end(), leasePool.end(), handlersPool.end(), featuresPool.end()]);
    await Promise.race([ended, pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    await temporal.close().catch(() => {});
  };
  return {
    corePool,
    leasePool,
    handlersPool,
    shared,
    listener,
    types,
    ledgerId,
    temporal,
    client,
    searchAttributes,
    tracing,
    close,
  };
}

async function untilThere<Result>(log: Logger, what: string, look: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await look();
    } catch (error) {
      log.warn({ error: (error as Error).message }, `waiting for ${what}`);
      await pause(CONNECT_RETRY_MS);
    }
  }
}
