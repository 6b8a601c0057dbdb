// Keeps this worker's lease, hears which attempts are to be cancelled, and frees the events of workers that are gone.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Running } from '../core/attempt/running.ts';
import { CANCEL_CHANNEL } from '../core/ledger/cancel.ts';
import { freeDeadWorkers } from '../core/ledger/free.ts';
import { cancelsAmong, endLease, registerWorker, renewLease, type WorkerRow } from '../core/ledger/leases.ts';
import type { Listener } from '../core/ledger/listener.ts';

const RENEW_EVERY_MS = 2_000;
const CANCEL_POLL_MS = 1_000;
const FREE_EVERY_MS = 2_000;

export interface LeaseKeeper {
  start(): Promise<void>;
  stopping(): void;
  /** Ends the lease: everything has been handed back. */
  stop(): Promise<void>;
}

export interface LeaseKeeperOptions {
  pool: Pool;
  worker: WorkerRow;
  running: Running;
  /** What the relay has done, for people who look at the worker's row. */
  counters: Readonly<Record<string, number>>;
  listener: Listener;
  log: Logger;
}

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { pool, worker, running, counters, listener, log } = options;
  let stopping = false;
  const timers: NodeJS.Timeout[] = [];

  // One at a time: a slow ledger must not collect a queue of renewals.
  const every = (periodMs: number, what: string, work: () => Promise<void>): void => {
    let underWay = false;
    timers.push(
      setInterval(() => {
        if (underWay) return;
        underWay = true;
        work()
          .catch((error: Error) => log.warn({ error: error.message }, `${what} failed, trying again`))
          .finally(() => {
            underWay = false;
          });
      }, periodMs),
    );
  };

  const renew = async (): Promise<void> => {
    if (!(await renewLease(pool, worker.id, stopping, counters))) await registerWorker(pool, worker);
  };
  const hearCancels = async (): Promise<void> => {
    for (const id of await cancelsAmong(pool, running.ids().filter(isUuid))) running.abort(id, 'cancel');
  };
  const freeDead = async (): Promise<void> => {
    const freed = await freeDeadWorkers(pool);
    if (freed > 0) log.warn({ events: freed }, 'freed the events of a worker that is gone');
  };

  return {
    async start() {
      await registerWorker(pool, worker);
      listener.listen(CANCEL_CHANNEL, (id) => running.abort(id, 'cancel'));
      every(RENEW_EVERY_MS, 'renewing the lease', renew);
      every(CANCEL_POLL_MS, 'asking for cancels', hearCancels);
      every(FREE_EVERY_MS, 'freeing events of gone workers', freeDead);
      await freeDead();
    },
    stopping() {
      stopping = true;
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await endLease(pool, worker.id).catch(() => {});
    },
  };
}

function isUuid(id: string): boolean {
  return id.length === 36 && !id.includes(' ');
}
