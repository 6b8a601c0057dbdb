// What one worker of the ledger does at a time, such as a reconcile turn, whoever starts it: the one that has its lease.
// The lease is renewed, and who waits is told that it goes on, for as long as one step follows the other in time.

import type { Pool } from 'pg';
import { giveUpPart, takePart } from '../../core/ledger/part-leases.ts';

const PART = 'reconciler';
const RENEW_EVERY_MS = 3_000;
/** Longer than the longest statement: a step that takes longer is stuck, and another worker may go on. */
const STEP_MS_MAX = 60_000;
/** For one kind of work at a time; what is left comes with the next turn. */
const WORK_MS_MAX = 30_000;

/** To be asked after each step; resolves to whether the work may go on, rejects when another worker has taken over. */
export type GoOn = () => Promise<boolean>;

export interface Alone {
  /**
   * Runs the work unless another worker is at something of the kind; what is under way in this process is waited for
   * instead. `onProgress` is called every 3 s while it goes on.
   */
  run(work: (limited: () => GoOn) => Promise<void>, onProgress?: () => void): Promise<void>;
  /** Resolves when nothing is under way any more. */
  settled(): Promise<void>;
}

export interface AloneOptions {
  pool: Pool;
  workerId: string;
  renewEveryMs?: number;
  stepMsMax?: number;
  workMsMax?: number;
}

export function createAlone({
  pool,
  workerId,
  renewEveryMs = RENEW_EVERY_MS,
  stepMsMax = STEP_MS_MAX,
  workMsMax = WORK_MS_MAX,
}: AloneOptions): Alone {
  const told = new Set<() => void>();
  let underWay: Promise<void> | undefined;

  const run = async (work: (limited: () => GoOn) => Promise<void>): Promise<void> => {
    if (!(await takePart(pool, PART, workerId))) return;
    let steppedAtMs = performance.now();
    let lost = false;
    const renew = async (): Promise<void> => {
      if (performance.now() - steppedAtMs > stepMsMax) return;
      for (const tell of told) tell();
      // A ledger that is away ends the work by itself.
      lost = (await takePart(pool, PART, workerId).catch(() => true)) === false;
    };
    const timer = setInterval(() => void renew(), renewEveryMs);
    const limited = (): GoOn => {
      const untilMs = performance.now() + workMsMax;
      return async () => {
        if (lost) throw new Error('another worker has taken over');
        steppedAtMs = performance.now();
        return steppedAtMs < untilMs;
      };
    };
    try {
      await work(limited);
    } finally {
      clearInterval(timer);
      await giveUpPart(pool, PART, workerId).catch(() => {});
    }
  };

  return {
    async run(work, onProgress) {
      if (onProgress) told.add(onProgress);
      underWay ??= run(work).finally(() => {
        underWay = undefined;
      });
      try {
        await underWay;
      } finally {
        if (onProgress) told.delete(onProgress);
      }
    },
    async settled() {
      await underWay?.catch(() => {});
    },
  };
}
