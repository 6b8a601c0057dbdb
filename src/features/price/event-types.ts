// The event types of single checks: one product, up to a thousand, and what a change of a price sets off. A shop that is
// left alone, or has no room for now, is no failure of a product: such an event is handed back and comes again.

import { NoPlace, NotRetryable } from '../../core/errors.ts';
import { defineEventType, type EventType, type HandlerContext } from '../../core/event-type.ts';
import type { FeatureDependencies } from '../../core/feature.ts';
import { ShopClosed } from './checking/breakers.ts';
import { FINAL_DETAILS } from './checking/checker.ts';
import type { Wait } from './checking/request.ts';
import { RANK, type Rank } from './checking/shop-gates.ts';
import { type Engine, engineOf } from './engine.ts';
import { BatchPayload, ChangedPayload, CheckPayload } from './messages.ts';
import type { PriceSettings } from './settings.ts';
import { rankProducts } from './store/priorities.ts';
import { type Checkable, noteFailure, readCheckables } from './store/products.ts';
import { recordChecks } from './store/record.ts';
import type { CheckResult } from './store/results.ts';

/** The wait for a shop's rate or places, which is not the attempt's own time; then the event goes back to the queue. */
const ROOM_WITHIN_MS = 40_000;
const ROOM_AGAIN_MS = 2_000;
/** What a set has found out is kept for its events while they are taken one by one. */
const KEPT_MS = 60_000;
const CHECKS_WRITTEN_AT_ONCE = 100;

/** How an event's end is told, where the code alone is no plain word. */
const WORDS: Readonly<Record<string, string>> = { gone: 'product gone', page_changed: 'page changed' };

type Dependencies = FeatureDependencies<PriceSettings>;
type Outcome = { result: CheckResult; product: Checkable } | { gone: true } | { failure: unknown };

export function checkType(dependencies: Dependencies): EventType {
  const { pool } = dependencies;
  const kept = new Map<string, { outcome: Outcome; untilMs: number }>();

  const conclude = async (outcome: Outcome, { tx }: HandlerContext): Promise<unknown> => {
    if ('gone' in outcome) throw new NotRetryable('product gone: it was deleted');
    if ('failure' in outcome) throw outcome.failure;
    const { result, product } = outcome;
    if (!result.error) {
      await recordChecks(tx, [result]);
      return { price: result.price ?? product.price, currency: result.currency ?? product.priceCurrency };
    }
    await noteFailure(pool, product, result.error);
    const words = `${WORDS[result.error.code] ?? result.error.code}: ${result.error.detail}`;
    throw FINAL_DETAILS.test(words) ? new NotRetryable(words) : new Error(words);
  };

  return defineEventType({
    name: 'price.check',
    payload: CheckPayload,
    retry: { maxAttempts: 3, base: '5s', cap: '10m' },
    timeout: '90s',
    batch: 200,
    async handle({ id, payload, priority }, context) {
      const known = kept.get(id);
      kept.delete(id);
      const outcomes = known
        ? new Map([[payload.product, known.outcome]])
        : await checkAll(dependencies, [payload.product], rankOf(priority), context);
      return conclude(outcomes.get(payload.product) ?? { gone: true }, context);
    },
    async handleAll(events, context) {
      const products = [...new Set(events.map(({ payload }) => payload.product))];
      const rank = rankOf(Math.min(...events.map(({ priority }) => priority)));
      const outcomes = await checkAll(dependencies, products, rank, context);
      const good = products.flatMap((product) => {
        const outcome = outcomes.get(product);
        return outcome && 'result' in outcome && !outcome.result.error ? [outcome.result] : [];
      });
      if (good.length === products.length) return void (await recordChecks(context.tx, good));
      const untilMs = performance.now() + KEPT_MS;
      for (const [id, { untilMs: until }] of kept) if (until < performance.now()) kept.delete(id);
      for (const { id, payload } of events)
        kept.set(id, { outcome: outcomes.get(payload.product) ?? { gone: true }, untilMs });
      throw new Error('some of the set failed: its events are taken one by one, with what was found');
    },
  });
}

/** Up to a thousand products; one that fails leaves the batch and becomes a price.check event. */
export function batchType(dependencies: Dependencies): EventType {
  return defineEventType({
    name: 'price.batch',
    payload: BatchPayload,
    retry: { maxAttempts: 5, base: '5s', cap: '10m' },
    timeout: '2h',
    long: true,
    async handle({ id, payload, priority, createdAt }, context) {
      const engine = await engineOf(dependencies);
      const products = await readCheckables(dependencies.pool, [...new Set(payload.products)], createdAt);
      const done = { products: products.length, checked: 0, failed: 0 };
      const rank = rankOf(priority);
      const work = async (product: Checkable): Promise<void> => {
        const outcome = await checkOne(engine, product, rank, { signal: context.signal });
        if ('gone' in outcome) return;
        if ('failure' in outcome && !(outcome.failure instanceof ShopClosed)) throw outcome.failure;
        // A shop that is left alone: its event waits for that without being blamed.
        const error =
          'result' in outcome
            ? outcome.result.error
            : { code: 'unreachable' as const, detail: 'the shop is left alone' };
        const result =
          'result' in outcome ? outcome.result : { product: product.id, checks: product.checks, durationMs: 0 };
        await engine.record({ ...result, error, ...(error && { becomes: `batch/${id}/${product.id}` }) });
        done.checked += 1;
        if (error) done.failed += 1;
        if (done.checked % CHECKS_WRITTEN_AT_ONCE === 0) context.heartbeat(done);
      };
      await Promise.all(products.map(work));
      return done;
    },
  });
}

/** A change of a price changes how volatile its product is, and with that its priority. */
export function changedType({ pool }: Dependencies): EventType {
  return defineEventType({
    name: 'price.changed',
    payload: ChangedPayload,
    batch: 500,
    async handle({ payload }) {
      await rankProducts(pool, [payload.product]);
    },
    async handleAll(events) {
      await rankProducts(pool, [...new Set(events.map(({ payload }) => payload.product))]);
    },
  });
}

/** Checks products side by side, each within its shop's flow, for an event that is one of many. */
async function checkAll(
  dependencies: Dependencies,
  ids: readonly string[],
  rank: Rank,
  { signal, offTheClock }: HandlerContext,
): Promise<Map<string, Outcome>> {
  const engine = await engineOf(dependencies);
  const products = await readCheckables(dependencies.pool, ids);
  const wait: Wait = (enter) => offTheClock(() => withinReason(enter, signal));
  const outcomes = await Promise.all(
    products.map(
      async (product): Promise<[string, Outcome]> => [
        product.id,
        await checkOne(engine, product, rank, { signal, wait }),
      ],
    ),
  );
  return new Map(outcomes);
}

async function checkOne(
  engine: Engine,
  product: Checkable,
  rank: Rank,
  options: { signal: AbortSignal; wait?: Wait },
): Promise<Outcome> {
  const shop = await engine.shop(product.shop);
  if (!shop) return { gone: true };
  try {
    return { result: await engine.check(product, shop, { rank, ...options }), product };
  } catch (error) {
    if (error instanceof ShopClosed && options.wait)
      return { failure: new NoPlace(error.message, Math.ceil(error.forMs)) };
    return { failure: error };
  }
}

/** The way through a gate, or NoPlace when others hold it for too long. */
async function withinReason<Result>(
  enter: (signal?: AbortSignal) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  const tooLong = (): void =>
    controller.abort(new NoPlace('the shop has no room: its rate or places are taken', ROOM_AGAIN_MS));
  const timer = setTimeout(tooLong, ROOM_WITHIN_MS);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await enter(controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function rankOf(priority: number): Rank {
  return priority <= 1
    ? RANK.person
    : priority === 2
      ? RANK.notification
      : priority === 3
        ? RANK.discovery
        : RANK.batch;
}
