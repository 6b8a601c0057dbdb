// What has gone through a gate in the last moment: it says what will come next.

const WINDOW_MS = 250;

interface Window {
  fromMs: number;
  taken: number;
  used: number;
}

export class Recent {
  #now: Window = { fromMs: 0, taken: 0, used: 0 };
  #before: Window = this.#now;

  /** Notes instants that were taken, and places that are used now. */
  note(taken: number, used: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#now.taken += taken;
    this.#now.used = Math.max(this.#now.used, used);
  }

  /** Instants within a quarter of a second. */
  taken(nowMs: number): number {
    this.#turn(nowMs);
    return Math.max(this.#now.taken, this.#before.taken);
  }

  /** The most places at once. */
  used(nowMs: number): number {
    this.#turn(nowMs);
    return Math.max(this.#now.used, this.#before.used);
  }

  #turn(nowMs: number): void {
    const sinceMs = nowMs - this.#now.fromMs;
    if (sinceMs < WINDOW_MS) return;
    const nothing = { fromMs: nowMs, taken: 0, used: 0 };
    this.#before = sinceMs < 2 * WINDOW_MS ? this.#now : nothing;
    this.#now = { ...nothing };
  }
}
