// How the relay sleeps and is woken. Before it sleeps it sets the bell (a sequence, see the migration): only then does a
// commit send NOTIFY, once. It looks again after 100 ms and at least every second, because a bell can be missed.

import type { Pool } from 'pg';

/** Says to committing transactions that a relay sleeps for the next `forMs`. */
export async function armBell(pool: Pool, forMs: number): Promise<void> {
  await pool.query({
    name: 'arm-bell',
    text: `select setval('tem.bell', (extract(epoch from clock_timestamp()) * 1000)::bigint + $1)`,
    values: [forMs + 200],
  });
}

export interface Waker {
  /** Something came into the queue. */
  ring(): void;
  /** A slot became free. */
  wake(): void;
  isUrgent(): boolean;
  /** Whether something came since the last look. */
  takeUrgent(): boolean;
  sleep(forMs: number): Promise<void>;
  /** Waits; a ring or a free slot ends it early. */
  pause(forMs: number): Promise<void>;
  busy(): void;
  /** True from the second rest in a row on. */
  restedOnce(): boolean;
}

export function createWaker(): Waker {
  let urgent = false;
  let woken = false;
  let rested = false;
  let end: (() => void) | undefined;

  const wait = (forMs: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => end?.(), forMs);
      end = () => {
        clearTimeout(timer);
        end = undefined;
        resolve();
      };
    });

  return {
    ring() {
      urgent = true;
      end?.();
    },
    wake() {
      woken = true;
      end?.();
    },
    isUrgent: () => urgent,
    takeUrgent() {
      const was = urgent;
      urgent = false;
      return was;
    },
    async sleep(forMs) {
      if (!urgent && !woken) await wait(forMs);
      woken = false;
    },
    pause: wait,
    busy() {
      rested = false;
    },
    restedOnce() {
      const was = rested;
      rested = true;
      return was;
    },
  };
}
