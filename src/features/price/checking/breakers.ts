// The breakers of all shops, as this process knows them. Opening and closing are rows that every worker reads again before
// it sends, at most every 250 ms; while all shops are well that is all that they cost.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { breakerStep, type ShopOutcome } from '../rules/breaker.ts';
import { closeBreaker, openBreaker, readBreakers, takeProbe } from '../store/shops.ts';

const FRESH_MS = 250;
/** A probe that isn't answered by then is given to somebody else. */
const PROBE_MS = 60_000;

/** The shop is left alone until then; nothing is wrong with the product. */
export class ShopClosed extends Error {
  override readonly name = 'ShopClosed';

  constructor(
    readonly shop: string,
    readonly forMs: number,
    reason: string,
  ) {
    super(`shop ${shop} is left alone for ${Math.ceil(forMs / 1_000)} s: ${reason}`);
  }
}

interface Known {
  opens: number;
  /** performance.now; undefined while closed. */
  untilMs: number | undefined;
  reason: string;
}

export class ShopBreakers {
  readonly #pool: Pool;
  readonly #log: Logger;
  #known = new Map<string, Known>();
  /** Failures in a row of shops that are open to us. */
  readonly #failures = new Map<string, number>();
  readonly #probing = new Set<string>();
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  onOpen: (shop: string, closed: ShopClosed) => void = () => {};

  constructor(pool: Pool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Whether a request may go without asking anybody: nothing is known against the shop, and that is fresh. */
  admitsNow(shop: string): boolean {
    return !this.#known.has(shop) && performance.now() - this.#readAtMs <= FRESH_MS;
  }

  /** Whether an outcome says nothing new: the shop was well, and is. */
  isWell(shop: string, { kind }: ShopOutcome): boolean {
    return kind === 'well' && !this.#known.has(shop) && !this.#failures.has(shop);
  }

  /** Throws ShopClosed while the shop is left alone. Whoever comes first after that is its probe. */
  async admit(shop: string): Promise<void> {
    if (performance.now() - this.#readAtMs > FRESH_MS) await this.#read();
    const known = this.#known.get(shop);
    if (known?.untilMs === undefined || this.#probing.has(shop)) return;
    const leftMs = known.untilMs - performance.now();
    if (leftMs > 0) throw new ShopClosed(shop, leftMs, known.reason);
    if (!(await takeProbe(this.#pool, shop, PROBE_MS)))
      throw new ShopClosed(shop, PROBE_AGAIN_MS, 'one request finds out whether it is well again');
    this.#probing.add(shop);
  }

  /** What a request's end says of the shop; resolves to why it is left alone from now on, if it is. */
  async report(shop: string, outcome: ShopOutcome): Promise<ShopClosed | undefined> {
    const known = this.#known.get(shop);
    const failures = this.#failures.get(shop) ?? 0;
    if (this.isWell(shop, outcome)) return undefined;
    const state = known?.untilMs === undefined ? 'closed' : 'open';
    const step = breakerStep({ state, failures, opens: known?.opens ?? 0 }, outcome, Date.now(), Math.random());
    this.#probing.delete(shop);
    if (step.step === 'count') {
      this.#failures.set(shop, failures + 1);
      return undefined;
    }
    this.#failures.delete(shop);
    if (step.step === 'close') {
      this.#known.delete(shop);
      if (known) {
        await closeBreaker(this.#pool, shop);
        this.#log.info({ shop }, 'the shop is well again');
      }
      return undefined;
    }
    this.#known.set(shop, {
      opens: (known?.opens ?? 0) + 1,
      untilMs: performance.now() + step.forMs,
      reason: step.reason,
    });
    const closed = new ShopClosed(shop, step.forMs, step.reason);
    this.onOpen(shop, closed);
    await openBreaker(this.#pool, shop, step.forMs, step.reason);
    this.#log.warn({ shop, forMs: step.forMs, reason: step.reason }, 'the shop is left alone');
    return closed;
  }

  #read(): Promise<void> {
    this.#reading ??= readBreakers(this.#pool)
      .then((rows) => {
        const now = performance.now();
        this.#known = new Map(
          rows.map(({ shop, opens, openForMs, reason }) => [
            shop,
            { opens, untilMs: openForMs === null ? undefined : now + openForMs, reason: reason ?? '' },
          ]),
        );
        this.#readAtMs = now;
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }
}

const PROBE_AGAIN_MS = 1_000;
