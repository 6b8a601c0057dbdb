// Keeps this worker's lease, hears which attempts are to be cancelled, and frees the events of workers that are gone.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Running } from '../core/attempt/running.ts';
import { CANCEL_CHANNEL } from '../core/ledger/cancel.ts';
import { freeDeadWorkers } from '../core/ledger/free.ts';
import { cancelsAmong, endLease, LEASE_MS, registerWorker, renewLease, type WorkerRow } from '../core/ledger/leases.ts';
import type { Listener } from '../core/ledger/listener.ts';

const RENEW_EVERY_MS = 2_000;
const CANCEL_POLL_MS = 1_000;
const FREE_EVERY_MS = 2_000;

export interface LeaseKeeper {
  start(): Promise<void>;
  /**
   * Whether a lease that is over means that its worker is gone. Just after the ledger was away, every lease is over and
   * its worker may live.
   */
  mayJudge(): boolean;
  stopping(): void;
  /** Ends the lease: everything has been handed back. */
  stop(): Promise<void>;
}

export interface LeaseKeeperOptions {
  pool: Pool;
  /** For the lease alone; its statements must give up a silent connection well within LEASE_MS. */
  leasePool: Pool;
  worker: WorkerRow;
  running: Running;
  /** What the relay has done, for people who look at the worker's row. */
  counters: Readonly<Record<string, number>>;
  listener: Listener;
  log: Logger;
}

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { pool, leasePool, worker, running, counters, listener, log } = options;
  let stopping = false;
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  /** When the ledger was last found to have been away, or to be young. */
  let awayAtMs = Number.NEGATIVE_INFINITY;
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

  const mayJudge = (): boolean =>
    performance.now() - renewedAtMs < LEASE_MS && performance.now() - awayAtMs > LEASE_MS + RENEW_EVERY_MS;
  const renewed = (): void => {
    if (performance.now() - renewedAtMs > LEASE_MS) awayAtMs = performance.now();
    renewedAtMs = performance.now();
  };
  const register = async (): Promise<void> => {
    await registerWorker(leasePool, worker);
    const { rows } = await leasePool.query<{ upForMs: number }>(
      `select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 * 1000 as "upForMs"`,
    );
    renewedAtMs = performance.now();
    awayAtMs = renewedAtMs - (rows[0]?.upForMs ?? 0);
  };
  const renew = async (): Promise<void> => {
    const lease = await renewLease(leasePool, worker.id, stopping, counters);
    if (lease === 'gone') await register();
    else renewed();
    // The ledger was away for longer than it seemed here, or its clock has jumped: everybody's lease is over then.
    if (lease !== 'kept') awayAtMs = performance.now();
  };
  const askForCancels = async (): Promise<void> => {
    for (const id of await cancelsAmong(pool, running.ids().filter(isUuid))) running.abort(id, 'cancel');
  };
  let asking: Promise<void> | undefined;
  let askAgain = false;
  /** However many cancels are told of, one question is under way and one follows it. */
  const hearCancels = async (): Promise<void> => {
    if (asking) {
      askAgain = true;
      return asking;
    }
    asking = askForCancels().finally(() => {
      asking = undefined;
    });
    await asking;
    if (!askAgain) return;
    askAgain = false;
    await hearCancels();
  };
  const freeDead = async (): Promise<void> => {
    if (!mayJudge()) return;
    const freed = await freeDeadWorkers(pool, worker.id);
    if (freed > 0) log.warn({ events: freed }, 'freed the events of a worker that is gone');
  };

  return {
    mayJudge,
    async start() {
      await register();
      // Asked, not believed: a compensation that runs must not hear its own event's cancel.
      listener.listen(CANCEL_CHANNEL, () => void hearCancels().catch(() => {}));
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
      await endLease(leasePool, worker.id).catch(() => {});
    },
  };
}

function isUuid(id: string): boolean {
  return id.length === 36 && !id.includes(' ');
}
