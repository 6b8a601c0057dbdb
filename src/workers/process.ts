// A worker process, put together: lease, relay, Temporal worker, reconciler. And its end: claim nothing more, let the
// attempts finish within the grace time, hand back the rest, end the lease.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.ts';
import type { Config } from '../config.ts';
import { type AttemptDependencies, createAttemptDependencies } from '../core/attempt/dependencies.ts';
import { createNotifier } from '../core/ledger/notifier.ts';
import { workflowBundle } from './bundle.ts';
import { connectWorker, type WorkerConnections } from './connections.ts';
import { temIdentity } from './identity.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';
import { createNativeLogging } from './native-logging.ts';
import { endOrphanedRuns } from './orphaned-runs.ts';
import { createReconciler, type Reconciler } from './reconciler/reconciler.ts';
import { Relay } from './relay/relay.ts';
import { Starter } from './relay/starter.ts';
import { ensureSearchAttributes } from './search-attributes.ts';
import { catchStrays } from './strays.ts';
import { taskQueueOf } from './task-queue.ts';
import { createTemporalWorker, ordinaryAttemptsMax, type TemporalWorker } from './temporal-worker.ts';
import { leanWorkflowThreads } from './workflow-threads.ts';

/** Time for handing back after the grace time. */
const HAND_BACK_MS = 5_000;

export interface RunningWorker {
  id: string;
  taskQueue: string;
  stopped: Promise<void>;
  stop(): Promise<void>;
}

/** Starts a worker and resolves when it polls. Waits for a Temporal or a ledger that is away; rejects for wrong settings. */
export async function startWorker(config: Config, log: Logger): Promise<RunningWorker> {
  const id = randomUUID();
  createNativeLogging(log);
  leanWorkflowThreads();
  const connections = await connectWorker(config, temIdentity(id, hostname(), process.pid), log);
  const taskQueue = taskQueueOf(connections.ledgerId, config);
  const parts = await assemble(id, taskQueue, config, connections, log);
  const releaseStrays = catchStrays(connections.corePool, log);

  // First the lease: an attempt of a worker without one looks like that of a dead worker.
  await parts.lease.start();
  await parts.temporal.start();
  parts.relay.start();
  parts.reconciler.start();
  endOrphanedRuns({ ...connections, pool: connections.corePool, log });
  const types = connections.types.all().map((type) => type.name);
  log.info({ worker: id, taskQueue, types }, 'worker ready');

  let stopping: Promise<void> | undefined;
  let resolveStopped: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    resolveStopped = resolve;
  });
  const stop = async (): Promise<void> => {
    log.info({ worker: id, inFlight: parts.attempts.running.ids().length }, 'worker stopping');
    await windDown(parts, config.worker.graceMs);
    releaseStrays();
    await connections.close();
    log.info({ worker: id }, 'worker stopped');
  };
  return {
    id,
    taskQueue,
    stopped,
    stop() {
      stopping ??= stop().finally(resolveStopped);
      return stopping;
    },
  };
}

interface WorkerParts {
  attempts: AttemptDependencies;
  relay: Relay;
  reconciler: Reconciler;
  temporal: TemporalWorker;
  lease: LeaseKeeper;
}

async function assemble(
  id: string,
  taskQueue: string,
  config: Config,
  connections: WorkerConnections,
  log: Logger,
): Promise<WorkerParts> {
  const { corePool: pool, client, types, ledgerId, listener } = connections;
  const attempts = createAttemptDependencies({
    workerId: id,
    types,
    marksPool: pool,
    handlersPool: connections.handlersPool,
    notifier: createNotifier(pool),
    mayJudge: () => lease.mayJudge(),
    log,
  });
  const starter = new Starter({ client, ledgerId, taskQueue, searchAttributes: connections.searchAttributes, log });
  const { slots, graceMs, reconcileEveryMs } = config.worker;
  const relay = new Relay({ workerId: id, pool, types, starter, listener, slots, batch: config.batch, log });
  const { unknownTypeAfterMs, retentionMs, keyRetentionMs } = config;
  const reconciler = createReconciler({
    pool,
    client,
    types,
    ledgerId,
    taskQueue,
    everyMs: reconcileEveryMs,
    restoreSearchAttributes: async () => starter.useSearchAttributes(await ensureSearchAttributes(client, log)),
    unknownTypeAfterMs,
    retentionMs,
    keyRetentionMs,
    log,
  });
  const temporal = createTemporalWorker({
    connection: connections.temporal,
    namespace: config.temporal.namespace,
    taskQueue,
    identity: client.options.identity,
    activities: createActivities({
      ledgerId,
      attempts,
      ordinaryPerTypeMax: ordinaryAttemptsMax(slots) / 2,
      pool,
      types,
      runDone: relay.runDone,
      searchAttributes: starter.searchAttributes,
      reconcile: reconciler.turn,
    }),
    bundle: await workflowBundle(config.cacheFolder, log),
    slots,
    graceMs: graceMs + HAND_BACK_MS,
    log,
  });
  const worker = { id, host: hostname(), pid: process.pid, taskQueue, types: types.all() };
  const { running } = attempts;
  const { leasePool } = connections;
  const lease = createLeaseKeeper({ pool, leasePool, worker, running, counters: relay.counters, listener, log });
  return { attempts, relay, reconciler, temporal, lease };
}

async function windDown({ attempts, relay, reconciler, temporal, lease }: WorkerParts, graceMs: number): Promise<void> {
  lease.stopping();
  reconciler.stop();
  const ended = new AbortController();
  const { signal } = ended;
  const after = (delayMs: number): Promise<boolean> => pause(delayMs, true, { signal, ref: false }).catch(() => false);
  void after(graceMs).then((over) => over && attempts.running.abortAll('shutdown'));
  // A start that Temporal doesn't answer must not use up the grace time of the attempts.
  const lastly = after(graceMs + 2 * HAND_BACK_MS);
  await Promise.race([relay.stop(), after(graceMs)]);
  // Temporal may be away: what couldn't be reported there is in the ledger, and that counts.
  await Promise.race([temporal.stop(), lastly]);
  ended.abort();
  await lease.stop();
}
