// What a worker consists of: the lease first, because an attempt of a worker without one looks like that of a dead worker;
// then the Temporal worker, the relay, the reconciler, and what the features run beside them.

import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.ts';
import { type Config, cacheFolderOf } from '../config.ts';
import { watchIncidents } from '../core/alerts/index.ts';
import { type AttemptDependencies, createAttemptDependencies } from '../core/attempt/dependencies.ts';
import type { AnyFeature, BackgroundPart } from '../core/feature.ts';
import { dependenciesOf } from '../core/feature-dependencies.ts';
import { createWorkerFlows, type WorkerFlows } from '../core/flows/index.ts';
import { createNotifier } from '../core/ledger/notifier.ts';
import { onOneWorker } from '../core/one-worker.ts';
import { workflowBundle } from './bundle.ts';
import type { WorkerConnections } from './connections.ts';
import { createErasures } from './erasures.ts';
import { createExpiry } from './expiry.ts';
import { type FeatureParts, featureParts } from './feature-parts.ts';
import { HAND_BACK_MS } from './grace.ts';
import { createLeaseKeeper, type LeaseKeeper, type LeaseKeeperOptions } from './lease-keeper.ts';
import { createLines } from './lines.ts';
import { createWorkerMetrics, type WorkerMetrics } from './metrics.ts';
import { createOrders } from './orders.ts';
import { endOrphanedRuns } from './orphaned-runs.ts';
import { createOverrides } from './overrides.ts';
import { createReconciler, type Reconciler } from './reconciler/reconciler.ts';
import { createRedrives } from './redrives.ts';
import { Relay } from './relay/relay.ts';
import { Starter } from './relay/starter.ts';
import { declarationsOf, scheduleParts } from './schedules/index.ts';
import { ensureSearchAttributes } from './search-attributes.ts';
import { catchStrays } from './strays.ts';
import { createTemporalWorker, ordinaryAttemptsMax } from './temporal-worker.ts';

export interface WorkerPart {
  name: string;
  start(): Promise<void>;
  /** Resolves when it has stopped, or when it was given up. */
  stop(): Promise<void>;
  /** Whether it is given up when the grace time is over, or a little later. */
  stopsWithin: 'grace' | 'graceAndHandBack';
  giveUp(): void;
}

export interface Assembly {
  id: string;
  taskQueue: string;
  config: Config;
  connections: WorkerConnections;
  features: readonly AnyFeature[];
  workflowsPath: string | undefined;
  log: Logger;
}

export async function assembleParts(
  assembly: Assembly,
): Promise<{ parts: WorkerPart[]; attempts: AttemptDependencies; lease: LeaseKeeper; shutdown: Promise<void> }> {
  const { id, taskQueue, config, connections, log } = assembly;
  const { corePool: pool, client, types, ledgerId, listener } = connections;
  const flows = createWorkerFlows({ workerId: id, pool, listener, log });
  const attempts = createAttemptDependencies({
    waitingRunsMax: config.worker.waitingRuns,
    workerId: id,
    types,
    marksPool: pool,
    handlersPool: connections.handlersPool,
    notifier: createNotifier(pool),
    mayJudge: () => lease.mayJudge(),
    flows: flows.flows,
    admission: flows.admission,
    tracing: connections.tracing,
    log,
  });
  const starter = new Starter({ client, ledgerId, taskQueue, searchAttributes: connections.searchAttributes, log });
  const { slots, graceMs } = config.worker;
  const relay = relayOf(assembly, starter, flows);
  flows.onChange(relay.flowsChanged);
  const orders = createOrders({ pool, workerId: id, drain: relay.drain, log });
  const metrics = metricsOf(assembly, attempts, relay);
  for (const feature of assembly.features) {
    const own = dependenciesOf(feature, { ...connections.shared, in: 'worker' as const });
    if (metrics) await feature.metrics?.(metrics.ofFeature(feature.name), own);
  }
  const ofFeatures = await featureParts(assembly, flows.flows);
  const reconciler = reconcilerOf(assembly, starter, ofFeatures.prune);
  const temporal = createTemporalWorker({
    connection: connections.temporal,
    namespace: config.temporal.namespace,
    taskQueue,
    identity: client.options.identity,
    activities: createActivities(
      {
        ledgerId,
        attempts,
        ordinaryMax: ordinaryAttemptsMax(slots),
        pool,
        client,
        log,
        types,
        runDone: relay.runDone,
        searchAttributes: starter.searchAttributes,
        reconcile: reconciler.turn,
      },
      ofFeatures.activities,
      metrics,
    ),
    bundle: await workflowBundle(cacheFolderOf(config), log, assembly.workflowsPath),
    slots,
    graceMs: graceMs + HAND_BACK_MS,
    log,
  });
  const lease = leaseOf(assembly, attempts.running, relay.counters);
  const parts = [
    part('strays', catchStrays(pool, log)),
    part('lease', lease),
    // Before anybody may go.
    part('flows', flows),
    part('Temporal worker', temporal),
    part('overrides', createOverrides(pool, connections.types, log)),
    // A start that Temporal doesn't answer must not use up the grace time of the attempts.
    part('relay', relay, 'grace'),
    part('reconciler', reconciler),
    part('orders', orders),
    part('lines', createLines(pool, connections.listener, log)),
    part('expiry', createExpiry(pool, `worker ${id}`, log)),
    ...(metrics ? [part('metrics', metrics)] : []),
    part('incidents', incidentsOf(assembly), 'grace'),
    part('orphaned runs', endOrphanedRuns({ ...connections, pool, log })),
    ...[...jobsOf(assembly), ...(await schedulesOf(assembly, metrics)), ...ofFeatures.background].map((background) =>
      part(background.name, background, 'grace'),
    ),
  ];
  return { parts, attempts, lease, shutdown: orders.shutdown };
}

function relayOf({ id, config, connections, log }: Assembly, starter: Starter, { admission }: WorkerFlows): Relay {
  const { corePool: pool, types, listener, tracing } = connections;
  const { batch, worker } = config;
  const { slots } = worker;
  return new Relay({ workerId: id, pool, types, starter, listener, slots, admission, batch, tracing, log });
}

/** What people have asked for, worked off on one worker at a time. */
function jobsOf({ id, connections, features, log }: Assembly): Omit<BackgroundPart, 'on'>[] {
  const { corePool, shared } = connections;
  const jobs = [createRedrives(shared.pool, log), createErasures(shared.pool, features, log)];
  return jobs.map((part) => onOneWorker({ pool: corePool, workerId: id, part, log }));
}

function leaseOf(
  { id, taskQueue, connections, log }: Assembly,
  running: AttemptDependencies['running'],
  counters: LeaseKeeperOptions['counters'],
): LeaseKeeper {
  const { corePool: pool, leasePool, types, listener } = connections;
  const worker = { id, host: hostname(), pid: process.pid, taskQueue, types: types.all() };
  return createLeaseKeeper({ pool, leasePool, worker, running, counters, listener, log });
}

function reconcilerOf(
  { id, taskQueue, config, connections, log }: Assembly,
  starter: Starter,
  pruneFeatures: FeatureParts['prune'],
): Reconciler {
  const { corePool: pool, client, types, ledgerId } = connections;
  return createReconciler({
    workerId: id,
    pool,
    client,
    types,
    ledgerId,
    taskQueue,
    everyMs: config.worker.reconcileEveryMs,
    restoreSearchAttributes: async () => starter.useSearchAttributes(await ensureSearchAttributes(client, log)),
    unknownTypeAfterMs: config.unknownTypeAfterMs,
    retentionMs: config.retentionMs,
    keyRetentionMs: config.keyRetentionMs,
    access: config.access,
    pruneFeatures,
    log,
  });
}

function metricsOf(
  { config, connections, log }: Assembly,
  { running }: AttemptDependencies,
  relay: Relay,
): WorkerMetrics | undefined {
  const port = config.worker.metricsPort;
  if (port === undefined) return undefined;
  return createWorkerMetrics({
    host: config.api.host,
    port,
    slots: config.worker.slots,
    running: () => running.ids().length,
    counters: () => ({ ...relay.counters }),
    pools: { core: connections.corePool, handlers: connections.handlersPool, features: connections.shared.pool },
    log,
  });
}

async function schedulesOf(
  assembly: Assembly,
  metrics: WorkerMetrics | undefined,
): Promise<Omit<BackgroundPart, 'on'>[]> {
  const { id, taskQueue, config, connections, features, log } = assembly;
  const { corePool: pool, client, ledgerId, listener } = connections;
  const declarations = await declarationsOf(features, config.eventTypeModules, connections.shared);
  const registry = metrics?.ofFeature('schedules');
  const parts = scheduleParts({ pool, client, ledgerId, taskQueue, listener, declarations, log, registry });
  return parts.map((each) => (each.on === 'oneWorker' ? onOneWorker({ pool, workerId: id, part: each, log }) : each));
}

function incidentsOf({ id, config, features, connections: { shared }, log }: Assembly): Omit<BackgroundPart, 'on'> {
  return watchIncidents({ id, pool: shared.pool, config, features, shared, log });
}

/** A part whose stop is waited for no longer than until it is given up. */
function part(
  name: string,
  running: { start(): void | Promise<void>; stop(): void | Promise<void> },
  stopsWithin: WorkerPart['stopsWithin'] = 'graceAndHandBack',
): WorkerPart {
  let giveUp: () => void = () => {};
  const givenUp = new Promise<void>((resolve) => {
    giveUp = resolve;
  });
  return {
    name,
    start: async () => running.start(),
    stop: () => Promise.race([(async () => running.stop())(), givenUp]),
    stopsWithin,
    giveUp,
  };
}
