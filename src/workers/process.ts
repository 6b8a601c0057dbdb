// A worker process: its connections, and the parts that run on them in one list, started in order and stopped in reverse.
// At its end it claims nothing more, lets the attempts finish within the grace time, hands back the rest and ends the lease.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { AnyFeature } from '../core/feature.ts';
import { startTracing } from '../core/tracing/index.ts';
import { features as allFeatures } from '../features.ts';
import { chosenFeatures } from './chosen-features.ts';
import { connectWorker } from './connections.ts';
import { startGrace } from './grace.ts';
import { temIdentity } from './identity.ts';
import { createNativeLogging } from './native-logging.ts';
import { assembleParts, type WorkerPart } from './parts.ts';
import { taskQueueOf } from './task-queue.ts';
import { leanWorkflowThreads } from './workflow-threads.ts';

export interface RunningWorker {
  id: string;
  taskQueue: string;
  /** Resolves when an operator wants it to end; it is for the caller to stop it. */
  shutdown: Promise<void>;
  /** May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a worker and resolves when it polls. Waits for a Temporal or a ledger that is away; rejects for wrong settings.
 * `catalog`: other features than the product's and the file that exports all workflows; the configuration names the features
 * to run.
 */
export async function startWorker(
  config: Config,
  log: Logger,
  catalog: { features: readonly AnyFeature[]; workflowsPath?: string } = { features: allFeatures },
): Promise<RunningWorker> {
  const id = randomUUID();
  createNativeLogging(log);
  leanWorkflowThreads();
  const chosen = chosenFeatures(config.worker.features, catalog.features, 'TEM_FEATURES');
  const tracing = await startTracing(config.tracing, { service: 'tem-worker', instance: id }, log);
  const connections = await connectWorker(config, temIdentity(id, hostname(), process.pid), chosen, log, tracing);
  const taskQueue = taskQueueOf(connections.ledgerId, config);
  const { parts, attempts, lease, shutdown } = await assembleParts({
    id,
    taskQueue,
    config,
    connections,
    features: chosen,
    workflowsPath: catalog.workflowsPath,
    log,
  });
  const started: WorkerPart[] = [];
  const stopParts = async (): Promise<void> => {
    for (const part of started.reverse()) {
      await part
        .stop()
        .catch((error: Error) => log.warn({ part: part.name, error: error.message }, 'a part failed to stop'));
    }
    await connections.close();
    await tracing.stop();
  };
  try {
    for (const part of parts) {
      started.push(part);
      await part.start();
    }
  } catch (error) {
    await stopParts();
    throw error;
  }
  const types = connections.types.all().map((type) => type.name);
  log.info({ worker: id, taskQueue, types }, 'worker ready');

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    log.info({ worker: id, inFlight: attempts.running.ids().length }, 'worker stopping');
    lease.stopping();
    const endGrace = startGrace(config.worker.graceMs, parts, () => attempts.running.abortAll('shutdown'));
    await stopParts();
    endGrace();
    log.info({ worker: id }, 'worker stopped');
  };
  return {
    id,
    taskQueue,
    shutdown,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
