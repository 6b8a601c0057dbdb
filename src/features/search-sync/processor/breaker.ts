// Whether a target may be asked now. After a failure nobody asks for a while, twice as long each time, with jitter; then one
// asks first.

import { setTimeout as pause } from 'node:timers/promises';

const BASE_MS = 250;
const CAP_MS = 15_000;
const JITTER = 0.2;
const DOUBLINGS_MAX = 10;

export class Breaker {
  private failures = 0;
  private closedUntil = 0;
  /** What the last failure said; undefined while all is well. */
  trouble: string | undefined;
  private readonly now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** Whether anything may be sent. */
  mayAsk(): boolean {
    return this.now() >= this.closedUntil;
  }

  /** Whether the next request should be a small one, because the last one failed. */
  isProbing(): boolean {
    return this.failures > 0;
  }

  failed(trouble: string): void {
    const wait = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(this.failures, DOUBLINGS_MAX));
    this.failures += 1;
    this.trouble = trouble;
    this.closedUntil = this.now() + wait * (1 - JITTER + Math.random() * 2 * JITTER);
  }

  succeeded(): void {
    this.failures = 0;
    this.closedUntil = 0;
    this.trouble = undefined;
  }

  async untilOpen(signal: AbortSignal): Promise<void> {
    const wait = this.closedUntil - this.now();
    if (wait > 0) await pause(wait, undefined, { signal }).catch(() => {});
  }
}
