// One check of one product: asks its shop, reads the answer with the shop's adapter, and says what came of it. A shop that
// is left alone is not the product's failure (ShopClosed); everything else that goes wrong has a code and words.

import { NoPlace } from '../../../core/errors.ts';
import { type Outbound, TargetRefused } from '../../../core/outbound/index.ts';
import { type ErrorCode, isNotFound, type Reading } from '../rules/found.ts';
import { readJsonPrice } from '../rules/json-price.ts';
import { readPage } from '../rules/page/page.ts';
import type { Checkable } from '../store/products.ts';
import type { CheckResult } from '../store/results.ts';
import type { Shop } from '../store/shops.ts';
import type { PriceAdapters } from './adapters.ts';
import { ShopClosed } from './breakers.ts';
import { ACCEPT_ENCODING, ANSWER_BYTES_MAX, decode } from './decode.ts';
import { type Answer, get, Unreachable, type Wait } from './request.ts';
import type { Robots } from './robots.ts';
import type { Rank, ShopGates } from './shop-gates.ts';

export interface CheckerDependencies {
  outbound: Outbound;
  gates: ShopGates;
  robots: Robots;
  adapters: PriceAdapters;
  userAgent: string;
}

export interface CheckOptions {
  rank: Rank;
  signal: AbortSignal;
  wait?: Wait | undefined;
}

/** The product's failure. */
class Refused extends Error {
  constructor(
    readonly code: ErrorCode,
    detail: string,
  ) {
    super(detail);
  }
}

/** Failures that trying again soon can't mend. */
export const FINAL_DETAILS = /robots\.txt|HTTP 410|TEM_OUTBOUND_ALLOW/;

/** Never rejects for what a shop answers. Throws ShopClosed, or the signal's reason. */
export async function check(
  dependencies: CheckerDependencies,
  product: Checkable,
  shop: Shop,
  { rank, signal, wait }: CheckOptions,
): Promise<CheckResult> {
  const startedMs = performance.now();
  const base = { product: product.id, checks: product.checks };
  try {
    const reading = await ask(dependencies, product, shop, { rank, signal, wait });
    return { ...base, ...reading, durationMs: performance.now() - startedMs };
  } catch (error) {
    if (error instanceof ShopClosed || error instanceof NoPlace || signal.aborted) throw error;
    const known =
      error instanceof Refused
        ? { code: error.code, detail: error.message }
        : error instanceof Unreachable || error instanceof TargetRefused
          ? { code: 'unreachable' as const, detail: error.message }
          : undefined;
    if (!known) throw error;
    return { ...base, error: known, durationMs: performance.now() - startedMs };
  }
}

async function ask(
  dependencies: CheckerDependencies,
  product: Checkable,
  shop: Shop,
  { rank, signal, wait }: CheckOptions,
): Promise<Pick<CheckResult, 'price' | 'currency' | 'title' | 'etag'>> {
  const asking = { shop: shop.id, timeoutMs: shop.timeoutMs, rank, signal, ...(wait && { wait }) };
  const answer = await get(dependencies, product.url, {
    ...asking,
    headers: {
      'user-agent': dependencies.userAgent,
      accept: shop.adapter === 'json' ? 'application/json' : 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.5',
      'accept-encoding': ACCEPT_ENCODING,
      ...(product.etag !== null && product.price !== null && { 'if-none-match': product.etag }),
    },
    permit(url) {
      if (!shop.robots) return undefined;
      const allowed = dependencies.robots.allowsNow(url);
      if (allowed === undefined)
        return dependencies.robots.allow(url, asking).then((found) => refuseUnless(found, url));
      refuseUnless(allowed, url);
      return undefined;
    },
  });
  if (answer.status === 304) return {};
  refuseStatus(answer);
  if (!answer.complete) {
    const tooLarge = answer.bytes.length >= ANSWER_BYTES_MAX;
    throw tooLarge
      ? new Refused('page_changed', `the answer has more than ${ANSWER_BYTES_MAX} bytes`)
      : new Unreachable('the answer broke off');
  }
  const text = decode(answer.bytes, answer.headers['content-type']);
  const reading = read(dependencies, shop, answer, text);
  if (isNotFound(reading)) throw new Refused(reading.error, reading.detail);
  const known = product.currency ?? product.priceCurrency;
  if (known !== null && reading.currency !== undefined && reading.currency !== known)
    throw new Refused('currency_changed', `the shop now says ${reading.currency}, the product has ${known}`);
  const { etag } = answer.headers;
  return {
    price: reading.price,
    currency: reading.currency,
    title: reading.title?.replaceAll('\0', '').toWellFormed(),
    etag: etag !== undefined && etag.length <= ETAG_LENGTH_MAX ? etag : undefined,
  };
}

const ETAG_LENGTH_MAX = 200;

function refuseUnless(allowed: boolean, url: string): void {
  if (!allowed) throw new Refused('blocked', `robots.txt of ${new URL(url).host} doesn't allow this address`);
}

function refuseStatus({ status }: Answer): void {
  if (status >= 200 && status < 300) return;
  if (status === 404 || status === 410) throw new Refused('gone', `HTTP ${status}`);
  if (status === 401 || status === 403 || status === 451) throw new Refused('blocked', `HTTP ${status}`);
  if (status >= 500) throw new Unreachable(`HTTP ${status}`);
  throw new Refused('page_changed', `HTTP ${status}`);
}

function read({ adapters }: CheckerDependencies, shop: Shop, { url, status, headers }: Answer, text: string): Reading {
  const locale = shop.locale ?? undefined;
  if (shop.adapter === 'html') return readPage(text, { selector: shop.settings.selector }, locale);
  if (shop.adapter === 'module') return adapters.read(shop, { url, status, headers, text });
  const { price = '', currency, title } = shop.settings;
  return readJsonPrice(text, { price, currency, title }, locale);
}
