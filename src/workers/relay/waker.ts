// What ends a relay's rest early: a ring (something came into the queue) or a slot that became free.

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
}

export function createWaker(): Waker {
  let urgent = false;
  let woken = false;
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
  };
}
