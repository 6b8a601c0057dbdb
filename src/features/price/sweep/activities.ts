// The steps of a sweep as activities. A slice is at most a thousand products of one shop, or of several small ones, checked
// side by side within each shop's flow; its heartbeats say how far it is, and one that is tried again goes on with the rest.

import { Context } from '@temporalio/activity';
import type { FeatureActivities, WorkerDependencies } from '../../../core/feature.ts';
import { ShopClosed } from '../checking/breakers.ts';
import { RANK } from '../checking/shop-gates.ts';
import { type Engine, engineOf, useFlows } from '../engine.ts';
import type { SweepPayload } from '../messages.ts';
import type { PriceSettings } from '../settings.ts';
import { type Checkable, readDue } from '../store/products.ts';
import { pausedShops } from '../store/shops.ts';
import { beginSweep, endSweep, readSweep, shopsDue } from '../store/sweeps.ts';

export interface SweepBegin {
  /** Why there is nothing to sweep. */
  skipped?: string | undefined;
}

export interface SweepPlan {
  /** The shops of each slice. */
  slices: string[][];
}

export interface SliceInput {
  sweep: string;
  shops: string[];
}

export interface SliceEnd {
  /** Shops of which more may be due. */
  more: string[];
  /** Shops that are left alone for so long. */
  closed: { shop: string; forMs: number }[];
  paused: boolean;
}

export interface SweepSummary {
  sweep: string;
  skipped?: string;
  due?: number;
  checked?: number;
  changed?: number;
  failed?: number;
  detail?: string | null;
}

interface Position {
  checked: number;
  failed: number;
  /** The product that was written last. */
  last: string | null;
}

const SLICE_PRODUCTS_MAX = 1_000;
const SLICE_SHOPS_MAX = 50;
const PLAN_SHOPS_MAX = 2_000;
/** Checks of one slice that are begun and not yet written. */
const SLICE_IN_FLIGHT_MAX = 250;
/** A slice ends after this, whatever is left: its shop is slow, and its lane belongs to others too. */
const SLICE_WITHIN_MS = 5 * 60_000;
/** More than a sweep waits for. */
const SHOP_PAUSED_MS = 60 * 60_000;
const HEARTBEAT_EVERY_MS = 2_000;
/** A pause is obeyed within this. */
const LOOK_EVERY_MS = 1_000;

export async function sweepActivities(dependencies: WorkerDependencies<PriceSettings>): Promise<FeatureActivities> {
  const { pool, payloadOf } = dependencies;
  useFlows(dependencies);
  return {
    async 'price.beginSweep'({ event }: { event: string }): Promise<SweepBegin> {
      const { tier } = (await payloadOf(event)) as SweepPayload;
      return beginSweep(pool, event, { tier });
    },
    async 'price.planSweep'({ sweep, without }: { sweep: string; without: string[] }): Promise<SweepPlan> {
      const due = await shopsDue(pool, { sweep, without, limit: PLAN_SHOPS_MAX, countMax: SLICE_PRODUCTS_MAX });
      return { slices: grouped(due) };
    },
    async 'price.checkSlice'(input: SliceInput): Promise<SliceEnd> {
      return new Slice(dependencies, await engineOf(dependencies), input).run();
    },
    async 'price.awaitResume'({ sweep }: { sweep: string }): Promise<void> {
      const { cancellationSignal } = Context.current();
      for (;;) {
        Context.current().heartbeat();
        if ((await readSweep(pool, sweep))?.state !== 'paused') return;
        await Promise.race([Context.current().sleep(LOOK_EVERY_MS), Context.current().cancelled]);
        cancellationSignal.throwIfAborted();
      }
    },
    async 'price.endSweep'({
      sweep,
      ...end
    }: {
      sweep: string;
      cancelled: boolean;
      left: string[];
    }): Promise<SweepSummary> {
      const row = await endSweep(pool, sweep, end);
      return {
        sweep,
        due: row?.due ?? 0,
        checked: row?.checked ?? 0,
        changed: row?.changed ?? 0,
        failed: row?.failed ?? 0,
        detail: row?.detail ?? null,
      };
    },
  };
}

/** A shop with a slice's worth has one of its own; smaller ones share. */
export function grouped(due: readonly { shop: string; due: number }[]): string[][] {
  const slices = due.filter((each) => each.due >= SLICE_PRODUCTS_MAX).map(({ shop }) => [shop]);
  let shared: string[] = [];
  let products = 0;
  for (const each of due.filter((some) => some.due < SLICE_PRODUCTS_MAX)) {
    if (shared.length > 0 && (products + each.due > SLICE_PRODUCTS_MAX || shared.length >= SLICE_SHOPS_MAX)) {
      slices.push(shared);
      shared = [];
      products = 0;
    }
    shared.push(each.shop);
    products += each.due;
  }
  return shared.length > 0 ? [...slices, shared] : slices;
}

class Slice {
  readonly #pool: WorkerDependencies['pool'];
  readonly #engine: Engine;
  readonly #input: SliceInput;
  readonly #position: Position;
  /** Ends the waits of checks that haven't begun; what is under way is written. */
  readonly #stop = new AbortController();
  readonly #closed = new Map<string, number>();
  readonly #more = new Set<string>();
  #paused = false;
  #timeIsOver = false;

  constructor({ pool }: WorkerDependencies, engine: Engine, input: SliceInput) {
    this.#pool = pool;
    this.#engine = engine;
    this.#input = input;
    const before = Context.current().info.heartbeatDetails as Position | undefined;
    this.#position = { checked: before?.checked ?? 0, failed: before?.failed ?? 0, last: before?.last ?? null };
  }

  async run(): Promise<SliceEnd> {
    const { cancellationSignal } = Context.current();
    const stop = (): void => this.#stop.abort(new Error('the slice has ended'));
    cancellationSignal.addEventListener('abort', stop, { once: true });
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
      cancellationSignal.throwIfAborted();
      await this.#leavePaused();
    } finally {
      for (const timer of timers) clearTimeout(timer);
      cancellationSignal.removeEventListener('abort', stop);
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
    if (sweep?.state === 'running') return;
    this.#paused = sweep?.state === 'paused';
    this.#stop.abort(new Error('the sweep is paused or has ended'));
  }

  async #checkDue(): Promise<void> {
    const sweep = await readSweep(this.#pool, this.#input.sweep);
    if (sweep?.state !== 'running') {
      this.#paused = sweep?.state === 'paused';
      return;
    }
    const products: Checkable[] = [];
    const most = Math.max(1, SLICE_PRODUCTS_MAX - this.#position.checked);
    for (const shop of this.#input.shops) {
      const limit = most - products.length;
      const due = limit > 0 ? await readDue(this.#pool, { shop, tiers: sweep.tiers, asOf: sweep.asOf, limit }) : [];
      products.push(...due);
      if (due.length === limit || limit <= 0) this.#more.add(shop);
    }
    // In turns between shops: one that is slow holds up only its own.
    const queues = this.#input.shops.map((shop) => products.filter((product) => product.shop === shop).reverse());
    const each = Math.max(1, Math.floor(SLICE_IN_FLIGHT_MAX / Math.max(1, queues.length)));
    await Promise.all(
      queues.flatMap((queue) =>
        Array.from({ length: Math.min(each, queue.length) }, async () => {
          for (let product = queue.pop(); product; product = queue.pop()) {
            if (this.#stop.signal.aborted || this.#closed.has(product.shop)) this.#more.add(product.shop);
            else await this.#check(product);
          }
        }),
      ),
    );
  }

  async #check(product: Checkable): Promise<void> {
    const shop = await this.#engine.shop(product.shop);
    if (!shop) return;
    const { sweep } = this.#input;
    try {
      const result = await this.#engine.check(product, shop, {
        rank: RANK.batch,
        signal: Context.current().cancellationSignal,
        wait: (enter) => enter(this.#stop.signal),
      });
      const becomes = result.error && { becomes: `sweep/${sweep}/${product.id}` };
      await this.#engine.record({ ...result, sweep, ...becomes });
      this.#position.checked += 1;
      if (result.error) this.#position.failed += 1;
      this.#position.last = product.id;
    } catch (error) {
      if (error instanceof ShopClosed) this.#closed.set(product.shop, error.forMs);
      else if (!this.#stop.signal.aborted) throw error;
      this.#more.add(product.shop);
    }
  }
}
