// The Temporal worker of this process: made again when it ends by an error, because a worker that silently stopped
// polling is the failure that nobody notices.

import { type NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';

const RESTART_DELAY_MS = 1_000;
/** Workflow runs kept in memory between their tasks: those that wait for a retry are replayed when they go on. */
const CACHED_WORKFLOWS_MAX = 500;
/** Each holds a place for workflow tasks while it waits: with too few places no new run begins while a first attempt lasts. */
const WORKFLOW_TASK_POLLS = 10;
const ORDINARY_ATTEMPTS_MIN = 200;
const FORCE_AFTER_GRACE_MS = 5_000;

export interface TemporalWorker {
  start(): Promise<void>;
  /** Stops polling and waits for what runs; attempts still running after the grace time are the caller's to abort. */
  stop(): Promise<void>;
}

export interface TemporalWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  identity: string;
  bundle: { codePath: string };
  activities: object;
  slots: number;
  graceMs: number;
  log: Logger;
}

/** Ordinary attempts of all types at a time. */
export function ordinaryAttemptsMax(slots: number): number {
  return Math.max(ORDINARY_ATTEMPTS_MIN, 2 * slots);
}

export function createTemporalWorker(options: TemporalWorkerOptions): TemporalWorker {
  const { log } = options;
  let worker: Worker | undefined;
  let running: Promise<void> | undefined;
  let stopping = false;

  const create = (): Promise<Worker> =>
    Worker.create({
      connection: options.connection,
      namespace: options.namespace,
      taskQueue: options.taskQueue,
      identity: options.identity,
      workflowBundle: options.bundle,
      activities: { ...options.activities },
      maxCachedWorkflows: CACHED_WORKFLOWS_MAX,
      // A run's first attempt holds a place in each of these while it lasts.
      maxConcurrentWorkflowTaskExecutions: 2 * options.slots + WORKFLOW_TASK_POLLS,
      maxConcurrentWorkflowTaskPolls: WORKFLOW_TASK_POLLS,
      maxConcurrentLocalActivityExecutions: 4 * options.slots,
      maxConcurrentActivityTaskExecutions: ordinaryAttemptsMax(options.slots),
      shutdownGraceTime: options.graceMs,
      shutdownForceTime: options.graceMs + FORCE_AFTER_GRACE_MS,
    });

  const run = async (first: Worker): Promise<void> => {
    worker = first;
    while (!stopping) {
      try {
        await worker.run();
        if (stopping) return;
        log.error('the Temporal worker stopped by itself, making another');
      } catch (error) {
        if (stopping) return;
        log.error({ error: (error as Error).message }, 'the Temporal worker failed, making another');
      }
      while (!stopping) {
        await new Promise((resolve) => setTimeout(resolve, RESTART_DELAY_MS));
        try {
          worker = await create();
          break;
        } catch (error) {
          log.warn({ error: (error as Error).message }, 'Temporal is away, trying again');
        }
      }
    }
  };

  return {
    async start() {
      running = run(await create());
    },
    async stop() {
      stopping = true;
      if (worker?.getState() === 'RUNNING') worker.shutdown();
      await running;
    },
  };
}
