// A slice of a sweep: its products are checked side by side within each shop's flow and written in sets; heartbeats say how
// far it is, and one that is tried again goes on with the rest.

import { Context } from '@temporalio/activity';
import type { WorkerDependencies } from '../../../core/feature.ts';
import { evenShare } from '../../../core/share.ts';
import { ShopClosed } from '../checking/breakers.ts';
import type { Wait } from '../checking/request.ts';
import { RANK } from '../checking/shop-gates.ts';
import type { Engine } from '../engine.ts';
import { SLICE_PRODUCTS_MAX } from '../rules/slices.ts';
import { type Checkable, readDue } from '../store/products.ts';
import type { CheckResult } from '../store/results.ts';
import { pausedShops } from '../store/shops.ts';
import { readSweep } from '../store/sweeps.ts';
import type { SliceEnd, SliceInput } from './activities.ts';

interface Position {
  checked: number;
  failed: number;
  /** The product that was written last. */
  last: string | null;
}

/** Checks of one slice that are begun and not yet written. */
const SLICE_BEGUN_MAX = 250;
/**
 * Requests of one worker at once, shared between its slices: more of them only wait in its own event loop. But each slice
 * has so many whatever the others hold, as theirs may hang.
 */
const IN_FLIGHT_MAX = 200;
const SLICE_IN_FLIGHT_MIN = 8;
/** A slice ends after this, whatever is left: its shop is slow, and its lane belongs to others too. */
const SLICE_WITHIN_MS = 5 * 60_000;
/** More than a sweep waits for. */
const SHOP_PAUSED_MS = 60 * 60_000;
const HEARTBEAT_EVERY_MS = 2_000;
/** A pause is obeyed within this. */
export const LOOK_EVERY_MS = 1_000;

/** Requests that each of so many slices may have under way. */
export function shareOf(slices: number): number {
  return Math.max(SLICE_IN_FLIGHT_MIN, evenShare(IN_FLIGHT_MAX, slices));
}

export class Slice {
  readonly #pool: WorkerDependencies['pool'];
  readonly #engine: Engine;
  readonly #input: SliceInput;
  readonly #position: Position;
  /** Ends the waits of checks that haven't begun; what is under way is written. */
  readonly #stop = new AbortController();
  readonly #wait: Wait = (enter) => enter(this.#stop.signal);
  readonly #cancelled = Context.current().cancellationSignal;
  readonly #closed = new Map<string, number>();
  readonly #more = new Set<string>();
  #paused = false;
  #timeIsOver = false;
  #failure: unknown;
  /** Requests that it may have under way now. */
  readonly #share: () => number;

  constructor({ pool }: WorkerDependencies, engine: Engine, input: SliceInput, share: () => number) {
    this.#pool = pool;
    this.#engine = engine;
    this.#input = input;
    this.#share = share;
    const before = Context.current().info.heartbeatDetails as Position | undefined;
    this.#position = { checked: before?.checked ?? 0, failed: before?.failed ?? 0, last: before?.last ?? null };
  }

  async run(): Promise<SliceEnd> {
    const stop = (): void => this.#stop.abort(new Error('the slice has ended'));
    this.#cancelled.addEventListener('abort', stop, { once: true });
    const timers = [
      setInterval(() => Context.current().heartbeat(this.#position), HEARTBEAT_EVERY_MS),
      setInterval(() => void this.#look().catch(() => {}), LOOK_EVERY_MS),
      setTimeout(() => {
        this.#timeIsOver = true;
        stop();
      }, SLICE_WITHIN_MS),
    ];
    try {
      await this.#checkDue();
      this.#cancelled.throwIfAborted();
      await this.#leavePaused();
    } finally {
      for (const timer of timers) clearTimeout(timer);
      this.#cancelled.removeEventListener('abort', stop);
    }
    return {
      more: [...this.#more].filter((shop) => !this.#closed.has(shop)),
      closed: [...this.#closed].map(([shop, forMs]) => ({ shop, forMs })),
      paused: this.#paused,
    };
  }

  /** A shop that is still paused when its slice's time is over would keep the sweep, and its tiers, from ending. */
  async #leavePaused(): Promise<void> {
    if (!this.#timeIsOver) return;
    for (const shop of await pausedShops(this.#pool, [...this.#more])) this.#closed.set(shop, SHOP_PAUSED_MS);
  }

  async #look(): Promise<void> {
    const sweep = await readSweep(this.#pool, this.#input.sweep);
    if (sweep?.state === 'running' && !sweep.timeIsOver) return;
    this.#paused = sweep?.state === 'paused';
    this.#stop.abort(new Error('the sweep is paused or has ended, or its time is over'));
  }

  async #checkDue(): Promise<void> {
    const sweep = await readSweep(this.#pool, this.#input.sweep);
    if (sweep?.state !== 'running' || sweep.timeIsOver) {
      this.#paused = sweep?.state === 'paused';
      return;
    }
    const products: Checkable[] = [];
    const most = Math.max(1, SLICE_PRODUCTS_MAX - this.#position.checked);
    for (const [n, shop] of this.#input.shops.entries()) {
      const limit = Math.ceil((most - products.length) / (this.#input.shops.length - n));
      const due = limit > 0 ? await readDue(this.#pool, { shop, tiers: sweep.tiers, asOf: sweep.asOf, limit }) : [];
      products.push(...due);
      if (due.length === limit || limit <= 0) this.#more.add(shop);
    }
    // Side by side: a shop that is slow holds up only its own.
    const queues = this.#input.shops
      .map((shop) => products.filter((product) => product.shop === shop).reverse())
      .filter((queue) => queue.length > 0);
    await Promise.all(queues.map((queue) => this.#checkQueue(queue, queues.length)));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Checks the products of one shop, the last first: some are asked for while others are written. */
  #checkQueue(queue: Checkable[], queues: number): Promise<void> {
    return new Promise((resolve) => {
      let asking = 0;
      let begun = 0;
      const mayBegin = (): boolean =>
        asking < evenShare(this.#share(), queues) && begun < evenShare(SLICE_BEGUN_MAX, queues);
      const answered = (): void => {
        asking -= 1;
        begin();
      };
      const over = (): void => {
        begun -= 1;
        begin();
      };
      const begin = (): void => {
        while (queue.length > 0 && mayBegin()) {
          const product = queue.pop() as Checkable;
          if (this.#stop.signal.aborted || this.#closed.has(product.shop)) {
            this.#more.add(product.shop);
            continue;
          }
          asking += 1;
          begun += 1;
          void this.#check(product, answered).finally(over);
        }
        if (begun === 0) resolve();
      };
      begin();
    });
  }

  /** `answered` is called when its request is over, before what was found is written. Never rejects. */
  async #check(product: Checkable, answered: () => void): Promise<void> {
    const { sweep } = this.#input;
    let result: CheckResult | undefined;
    try {
      const shop = await this.#engine.shop(product.shop);
      const options = { rank: RANK.batch, signal: this.#cancelled, wait: this.#wait };
      result = shop && (await this.#engine.check(product, shop, options));
    } catch (error) {
      this.#giveUp(product, error);
    }
    answered();
    if (!result) return;
    try {
      const { error } = result;
      const written = { ...result, sweep };
      await this.#engine.record(error ? { ...written, becomes: `sweep/${sweep}/${product.id}` } : written);
      this.#position.checked += 1;
      if (error) this.#position.failed += 1;
      this.#position.last = product.id;
    } catch (error) {
      this.#giveUp(product, error);
    }
  }

  /** What wasn't checked is left for later; a fault of ours ends the slice, when what is under way is written. */
  #giveUp(product: Checkable, error: unknown): void {
    this.#more.add(product.shop);
    if (error instanceof ShopClosed) this.#closed.set(product.shop, error.forMs);
    else if (!this.#stop.signal.aborted) {
      this.#failure = error;
      this.#stop.abort(error);
    }
  }
}
