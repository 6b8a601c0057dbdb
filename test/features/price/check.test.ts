// One product from the first call to its history, through the real API, a real worker and a shop.

import { beforeAll, expect, test } from 'vitest';
import { startShop, type TestShop } from './shop.ts';
import { JSON_SHOP, type Json, startSystem } from './system.ts';

let tem: Awaited<ReturnType<typeof startSystem>>;
let shop: TestShop;

beforeAll(async () => {
  [tem, shop] = await Promise.all([startSystem(), startShop()]);
  await tem.ok('PUT', '/v1/price/shops/s', JSON_SHOP);
});

const put = (id: string, more: object = {}) =>
  tem.ok('PUT', `/v1/price/products/${id}`, { shop: 's', url: `${shop.url}/${id}`, ...more });
const get = (id: string): Promise<Json> => tem.ok('GET', `/v1/price/products/${id}`);

test('a product is due at once, is checked, and its price and history are there', async () => {
  const created = await put('a', { popularity: 80, activeDeal: true });
  expect(created).toMatchObject({
    price: null,
    priority: 67,
    priorityParts: { activeDeal: 50, volatility: 0, popularity: 12, recency: 5 },
    tier: 'hourly',
  });
  expect((await tem.ok('GET', '/v1/price/products?due=true&shop=s&tier=hourly')).products).toHaveLength(1);
  shop.prices.set('/a', 2879.2);
  expect(await tem.check('a')).toMatchObject({ state: 'PROCESSED', result: { price: '2879.20', currency: 'EUR' } });
  expect(await get('a')).toMatchObject({ price: '2879.20', currency: 'EUR' });
  // The same price in another spelling is no change; another price is.
  shop.prices.set('/a', '2879.20');
  await tem.check('a');
  shop.prices.set('/a', '2900');
  await tem.check('a');
  const { history } = await tem.ok('GET', '/v1/price/products/a/history');
  expect(history.map(({ price }: Json) => price)).toEqual(['2900', '2879.20']);
  expect((await tem.ok('GET', '/v1/events?type=price.changed')).events).toHaveLength(1);
  expect(new Date((await get('a')).nextCheckAt).getTime()).toBeGreaterThan(Date.now() + 40 * 60_000);
});

test('what a shop says wrongly touches neither price nor history, and has a code', async () => {
  await put('b', { currency: 'EUR' });
  shop.prices.set('/b', '1.299');
  expect((await tem.check('b')).state).toBe('PROCESSED');
  const failing = ['0', '3,350', 'from 1 to 2'].map((price, n) => ({ id: `c${n}`, price }));
  for (const { id, price } of failing) shop.prices.set(`/${id}`, price);
  await Promise.all(failing.map(({ id }) => put(id)));
  const ends = await Promise.all(failing.map(({ id }) => tem.check(id)));
  expect(ends.map(({ state, lastError }) => `${state} ${lastError.split(':')[0]}`)).toEqual([
    'EXTINCT no_price',
    'EXTINCT ambiguous_price',
    'EXTINCT ambiguous_price',
  ]);
  expect(await get('c0')).toMatchObject({ price: null, lastError: { code: 'no_price' } });
  expect((await tem.ok('GET', '/v1/price/products/c0/history')).history).toEqual([]);
});
