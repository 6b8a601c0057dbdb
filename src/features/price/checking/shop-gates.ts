// The way to a shop: its breaker first, then its flow ('price', shop), which all workers share. Who waits for the same shop
// is let through by rank, so that a person's check doesn't stand behind a sweep's thousand.

import type { ShopBreakers } from './breakers.ts';

export type Leave = () => void;

/** src/core/flows, as far as it is needed here. */
export interface FlowTaker {
  take(type: string, group: string, options: { cost?: number; signal?: AbortSignal }): Promise<Leave>;
  tryTake(type: string, group: string): Leave | undefined;
}

/** Kinds of checks, the first first. */
export const RANK = { person: 1, notification: 2, discovery: 3, batch: 4 } as const;
export type Rank = (typeof RANK)[keyof typeof RANK];

export const FLOW_TYPE = 'price';

/** So many calls stand in line at the flow for one shop; the others wait here, where their rank counts. */
const STANDING_MAX = 64;

interface Waiter {
  rank: Rank;
  signal: AbortSignal;
  resolve(leave: Leave): void;
  reject(reason: unknown): void;
}

interface Line {
  /** By rank, first come first served within one. */
  waiters: Map<Rank, Waiter[]>;
  length: number;
  standing: number;
  /** Ends the calls that stand in line. */
  controller: AbortController;
}

export class ShopGates {
  readonly breakers: ShopBreakers;
  readonly #flows: FlowTaker;
  readonly #lines = new Map<string, Line>();

  constructor(flows: FlowTaker, breakers: ShopBreakers) {
    this.#flows = flows;
    this.breakers = breakers;
    breakers.onOpen = (shop, closed) => this.#turnAway(shop, closed);
  }

  /** The way in when it is free: nobody waits, nothing is known against the shop, and its flow has room. */
  tryEnter(shop: string, signal: AbortSignal): Leave | undefined {
    if (signal.aborted || this.#lines.has(shop) || !this.breakers.admitsNow(shop)) return undefined;
    return this.#flows.tryTake(FLOW_TYPE, shop);
  }

  /**
   * Resolves when a request to the shop may go, and call what this resolves to when it is over. Rejects with ShopClosed while
   * the shop is left alone, or with the signal's reason.
   */
  async enter(shop: string, rank: Rank, signal: AbortSignal): Promise<Leave> {
    signal.throwIfAborted();
    await this.breakers.admit(shop);
    return new Promise<Leave>((resolve, reject) => {
      const line = this.#lines.get(shop) ?? {
        waiters: new Map(),
        length: 0,
        standing: 0,
        controller: new AbortController(),
      };
      this.#lines.set(shop, line);
      const onAbort = (): void => {
        const waiters = line.waiters.get(rank) ?? [];
        const at = waiters.indexOf(waiter);
        if (at === -1) return;
        waiters.splice(at, 1);
        line.length -= 1;
        reject(signal.reason);
      };
      const waiter: Waiter = {
        rank,
        signal,
        resolve(leave) {
          signal.removeEventListener('abort', onAbort);
          resolve(leave);
        },
        reject(reason) {
          signal.removeEventListener('abort', onAbort);
          reject(reason);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const waiters = line.waiters.get(rank) ?? [];
      line.waiters.set(rank, waiters);
      waiters.push(waiter);
      line.length += 1;
      this.#stand(shop, line);
    });
  }

  #stand(shop: string, line: Line): void {
    while (line.standing < Math.min(line.length, STANDING_MAX)) {
      line.standing += 1;
      this.#flows.take(FLOW_TYPE, shop, { signal: line.controller.signal }).then(
        (leave) => {
          line.standing -= 1;
          const next = first(line);
          // Whoever wanted it has gone.
          if (next) next.resolve(leave);
          else leave();
          if (line.length === 0 && line.standing === 0) this.#lines.delete(shop);
          else this.#stand(shop, line);
        },
        () => {
          line.standing -= 1;
        },
      );
    }
  }

  #turnAway(shop: string, closed: Error): void {
    const line = this.#lines.get(shop);
    if (!line) return;
    this.#lines.delete(shop);
    for (let next = first(line); next; next = first(line)) next.reject(closed);
    line.controller.abort(closed);
  }
}

function first(line: Line): Waiter | undefined {
  for (const rank of Object.values(RANK)) {
    const next = line.waiters.get(rank)?.shift();
    if (!next) continue;
    line.length -= 1;
    return next;
  }
  return undefined;
}
