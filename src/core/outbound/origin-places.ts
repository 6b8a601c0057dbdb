// How many requests run at once, shared between origins: one may hold half of what the others leave, so that a few
// targets that hang don't hold everything, and a further one waits for the first place that becomes free (rule 9). First
// come first served within an origin, in turns between origins.

import { NoPlace } from '../errors.ts';
import { shareLeft } from '../share.ts';

interface Origin {
  held: number;
  waiting: Set<() => void>;
}

export class OriginPlaces {
  readonly #total: number;
  readonly #waitMaxMs: number;
  #held = 0;
  readonly #origins = new Map<string, Origin>();

  constructor(total: number, waitMaxMs: number) {
    this.#total = total;
    this.#waitMaxMs = waitMaxMs;
  }

  /** Takes a place if one is there at once. Throws the signal's reason when that has aborted. */
  tryAcquire(name: string, signal: AbortSignal): boolean {
    signal.throwIfAborted();
    const origin = this.#origins.get(name) ?? { held: 0, waiting: new Set() };
    if (origin.waiting.size > 0 || !this.#mayHoldMore(origin)) return false;
    this.#origins.set(name, origin);
    this.#take(origin);
    return true;
  }

  /**
   * Resolves when the origin has a place; call `release` once for each. Rejects with NoPlace after `waitMaxMs`, or with the
   * signal's reason when that aborts.
   */
  async acquire(name: string, signal: AbortSignal): Promise<void> {
    if (this.tryAcquire(name, signal)) return;
    const origin = this.#origins.get(name) ?? { held: 0, waiting: new Set() };
    this.#origins.set(name, origin);
    await new Promise<void>((resolve, reject) => {
      const stopWaiting = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        origin.waiting.delete(grant);
      };
      const grant = (): void => {
        stopWaiting();
        this.#take(origin);
        resolve();
      };
      const giveUp = (reason: unknown): void => {
        stopWaiting();
        this.#forgetIdle(name, origin);
        reject(reason);
      };
      const onAbort = (): void => giveUp(signal.reason);
      const tooLong = (): void =>
        giveUp(new NoPlace(`other requests to ${name} held all of its places for ${this.#waitMaxMs} ms`));
      const timer = setTimeout(tooLong, this.#waitMaxMs);
      origin.waiting.add(grant);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  release(name: string): void {
    const origin = this.#origins.get(name);
    if (!origin) return;
    origin.held -= 1;
    this.#held -= 1;
    this.#forgetIdle(name, origin);
    this.#grantNext();
  }

  /** Origins that are known at the moment: those that hold or await a place. */
  get origins(): number {
    return this.#origins.size;
  }

  #take(origin: Origin): void {
    origin.held += 1;
    this.#held += 1;
  }

  #mayHoldMore({ held }: Origin): boolean {
    return shareLeft(this.#total, held, this.#held - held) > 0;
  }

  /** One place that becomes free can make room for two: its own, and a larger share for another origin. */
  #grantNext(): void {
    for (const [name, origin] of [...this.#origins]) {
      if (this.#held >= this.#total) return;
      const [grant] = origin.waiting;
      if (!grant || !this.#mayHoldMore(origin)) continue;
      grant();
      // The others come before its next one.
      this.#origins.delete(name);
      this.#origins.set(name, origin);
    }
  }

  #forgetIdle(name: string, { held, waiting }: Origin): void {
    if (held === 0 && waiting.size === 0) this.#origins.delete(name);
  }
}
