// What goes on around a sweep while it runs, on two workers: shops that are slow or broken hold up no other, and what people
// change is obeyed at once.

import { execFileSync } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { startShop, type TestShop } from './shop.ts';
import { JSON_SHOP, type Json, startSystem } from './system.ts';

const OBEYED_WITHIN_MS = 2_000;
const WATCHED_MS = 2_500;
const TEST_TIMEOUT_MS = 150_000;
const RSS_MB_MAX = 400;

let tem: Awaited<ReturnType<typeof startSystem>>;

beforeAll(async () => {
  tem = await startSystem({ workers: 2 });
});

interface Scene {
  shops: Record<string, TestShop>;
  /** Pages that the shop was asked for. */
  asked(shop: string): TestShop['requests'];
  sweep(): Promise<Json>;
  event: string;
}

/** Shops by name, each with `products` that are due in its hour, and a sweep of them. */
async function sweepOf(products: number, shopsWanted: Record<string, object>): Promise<Scene> {
  const shops: Record<string, TestShop> = {};
  const lines: string[] = [];
  for (const [name, more] of Object.entries(shopsWanted)) {
    const shop = await startShop();
    shops[name] = shop;
    await tem.ok('PUT', `/v1/price/shops/${name}`, { ...JSON_SHOP, maxInFlight: 5, timeout: '2s', ...more });
    for (let k = 0; k < products; k += 1) lines.push(`${name}-${k},${name},${shop.url}/p${k},true`);
  }
  const csv = ['id,shop,url,activeDeal', ...lines].join('\n');
  expect(await tem.ok('POST', '/v1/price/products/import', csv, { 'content-type': 'text/csv' })).toMatchObject({
    created: lines.length,
  });
  const { event } = await tem.ok('POST', '/v1/price/sweeps', { tier: 'hourly' });
  return {
    shops,
    asked: (shop) => shops[shop]?.pages() ?? [],
    event,
    async sweep() {
      const { sweeps } = await tem.ok('GET', '/v1/price/sweeps');
      return sweeps.find((each: Json) => each.event === event);
    },
  };
}

const later = (ms: number, shop: TestShop): TestShop['answer'] => {
  const { answer } = shop;
  return (request, response) => void setTimeout(() => answer(request, response), ms);
};

test('of 20 shops one is slow and four are broken: the others keep their rate, memory is bounded, and a cancel ends the sweep', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const good = Array.from({ length: 15 }, (_, n) => `good${n}`);
  const broken = ['hangs', 'busy', 'drips', 'endless'];
  const names = Object.fromEntries(['slow', ...broken, ...good].map((name) => [name, {}]));
  names.slow = { maxInFlight: 1 };
  // Answers are set before anybody is asked: robots.txt comes first, and a sweep takes a moment to begin.
  const scene = await sweepOf(30, names);
  const { shops, asked } = scene;
  shops.slow!.answer = later(1_000, shops.slow!);
  shops.hangs!.answer = () => {};
  shops.busy!.answer = (_, response) => void response.writeHead(429, { 'retry-after': '900' }).end();
  shops.drips!.answer = (_, response) => {
    const timer = setInterval(() => response.write(' '), 1_000);
    response.on('close', () => clearInterval(timer));
  };
  shops.endless!.answer = (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
    };
    response.on('drain', more);
    more();
  };
  await waitFor(() => good.every((name) => asked(name).length >= 30), TEST_TIMEOUT_MS);
  // Alone, a slow one would be through only after half a minute.
  expect(asked('slow').length).toBeLessThan(25);
  const running = await waitFor(async () => {
    const found = await scene.sweep();
    return found.checked >= 15 * 30 && found;
  });
  expect(running).toMatchObject({ state: 'running', due: 20 * 30, checksPerSecond: expect.any(Number) });
  expect(running.progress).toBeGreaterThan(0.5);
  expect(running.progress).toBeLessThan(1);
  expect(new Date(running.expectedEnd).getTime()).toBeGreaterThan(Date.now());

  const breakerOf = async (name: string) => (await tem.ok('GET', `/v1/price/shops/${name}`)).breaker;
  for (const [name, words] of [
    ['busy', /429/],
    ['hangs', /no whole answer within 2000 ms/],
    ['drips', /no whole answer within 2000 ms/],
  ] as const) {
    const breaker = await waitFor(async () => {
      const found = await breakerOf(name);
      return found.state === 'open' && found;
    });
    expect(breaker.reason, name).toMatch(words);
  }
  const failed = await waitFor(async () => {
    const { products } = await tem.ok('GET', '/v1/price/products?shop=endless&limit=30');
    return products.find((product: Json) => product.lastError);
  });
  expect(failed.lastError).toMatchObject({ code: 'page_changed', detail: expect.stringContaining('bytes') });
  for (const { pid } of tem.processes) {
    const rss = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1_024;
    expect(rss).toBeLessThan(RSS_MB_MAX);
  }

  await tem.ok('POST', `/v1/events/${scene.event}/cancel`);
  expect(await tem.ended(scene.event)).toMatchObject({ state: 'CANCELLED' });
  expect(await waitFor(async () => (await scene.sweep()).state === 'cancelled')).toBe(true);
  // What it had is free for the next one, which takes up the rest.
  await tem.ok('PUT', '/v1/flows/price/slow', { paused: true });
  await tem.database.pool.query(
    `delete from tem.price_product where shop in ('hangs', 'busy', 'drips', 'endless', 'slow')`,
  );
});

test('a pause, a rate and weights are obeyed within two seconds by all workers while a sweep runs', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const limits = { maxInFlight: 5, ratePerMinute: 1_200 };
  const scene = await sweepOf(200, { left: limits, right: limits });
  const count = () => scene.asked('left').length + scene.asked('right').length;
  const within = async (ms: number): Promise<number> => {
    const [before, until] = [count(), performance.now() + ms];
    await waitFor(() => performance.now() > until);
    return count() - before;
  };
  const put = async (flow: object): Promise<void> => {
    for (const name of ['left', 'right']) await tem.ok('PUT', `/v1/flows/price/${name}`, { maxInFlight: 5, ...flow });
    await within(OBEYED_WITHIN_MS);
  };
  await waitFor(() => count() > 40);
  await put({ paused: true });
  expect(await within(WATCHED_MS)).toBe(0);
  await put({ rate: { limit: 120, per: 'minute' } });
  const slowly = await within(WATCHED_MS);
  expect(slowly).toBeGreaterThan(0);
  expect(slowly).toBeLessThanOrEqual(2 * 2 * Math.ceil(WATCHED_MS / 1_000));

  await tem.ok('PUT', '/v1/price/products/weighed', {
    shop: 'left',
    url: `${scene.shops.left!.url}/weighed`,
    popularity: 50,
  });
  expect((await tem.ok('GET', '/v1/price/products/weighed')).priorityParts.popularity).toBe(7.5);
  const { weights } = await tem.ok('GET', '/v1/price/formula');
  await tem.ok('PUT', '/v1/price/formula', { weights: { ...weights, popularity: 0.6 } });
  await tem.ok('PUT', '/v1/price/products/weighed-anew', {
    shop: 'left',
    url: `${scene.shops.left!.url}/anew`,
    popularity: 50,
  });
  expect(await tem.ok('GET', '/v1/price/products/weighed-anew')).toMatchObject({
    priorityParts: { popularity: 30 },
    tier: '12h',
  });

  await put({ rate: { limit: 60_000, per: 'minute' } });
  expect(await tem.ended(scene.event)).toMatchObject({ state: 'PROCESSED', result: { due: 400, checked: 400 } });
});

test('a sweep whose time is over leaves the rest to the next one, which takes it up', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const scene = await sweepOf(100, { late: { ratePerMinute: 300 } });
  await waitFor(() => scene.asked('late').length > 5);
  const { rowCount } = await tem.database.pool.query(
    `update tem.price_sweep set started_at = started_at - interval '1 hour' where id = $1 and state = 'running'`,
    [scene.event],
  );
  expect(rowCount).toBe(1);
  const ended = await tem.ended(scene.event);
  expect(ended).toMatchObject({ state: 'PROCESSED', result: { due: 100 } });
  expect(ended.result.checked).toBeLessThan(100);
  expect(ended.result.detail).toContain('left for the next sweep');
  await tem.ok('PUT', '/v1/flows/price/late', { maxInFlight: 5 });
  const next = await tem.ok('POST', '/v1/price/sweeps', { tier: 'hourly' });
  const { result } = await tem.ended(next.event);
  expect(result.checked + ended.result.checked).toBe(100);
  expect(scene.asked('late')).toHaveLength(100);
});
