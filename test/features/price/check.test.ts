// One product from the first call to its history, through the real API, a real worker and a shop.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeHome } from '../../support/home.ts';
import { runTem } from '../../support/processes.ts';
import { waitFor } from '../../support/wait.ts';
import { startShop, type TestShop } from './shop.ts';
import { JSON_SHOP, type Json, startSystem } from './system.ts';
import { startTelegram, TOKEN } from './telegram.ts';

let tem: Awaited<ReturnType<typeof startSystem>>;
let shop: TestShop;
let telegram: Awaited<ReturnType<typeof startTelegram>>;

beforeAll(async () => {
  telegram = await startTelegram();
  const settings = { TEM_TELEGRAM_URL: telegram.url, TEM_TELEGRAM_TOKEN: TOKEN };
  [tem, shop] = await Promise.all([startSystem({ settings }), startShop()]);
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

test('P15: a deal reaches an inbox and a chat once, shown letter by letter, and a chat that is refused blocks no other', async () => {
  const title = 'Kulaklık *Pro* [A_1] (2.0) <b>!';
  await put('deal', { title });
  shop.prices.set('/deal', '1299.90');
  await tem.check('deal');
  shop.prices.set('/deal', '849.90');
  await tem.check('deal');
  const { deals } = await tem.ok('GET', '/v1/price/deals');
  expect(deals[0]).toMatchObject({ product: 'deal', price: '849.90', referencePrice: '1299.90', title });
  expect(await get('deal')).toMatchObject({ activeDeal: true, tier: 'hourly', priorityParts: { activeDeal: 50 } });
  await tem.ok('PUT', '/v1/price/subscriptions/inbox', { user: 'ada' });
  await tem.ok('PUT', '/v1/price/subscriptions/chat', { chat: '100' });
  await tem.ok('PUT', '/v1/price/subscriptions/refused', { chat: '400' });
  telegram.busyFor(1);
  for (let times = 0; times < 2; times += 1) {
    const { id } = await tem.ok('POST', '/v1/events', { type: 'price.notify', payload: {} });
    await tem.ended(id);
  }
  await waitFor(() => telegram.delivered.length > 0);
  const ends = await waitFor(async () => {
    const { events } = await tem.ok('GET', '/v1/events?type=price.telegram');
    return events.every(({ state }: Json) => ['PROCESSED', 'EXTINCT'].includes(state)) && events;
  });
  expect(ends.map(({ state }: Json) => state).sort()).toEqual(['EXTINCT', 'PROCESSED']);
  expect(ends.find(({ state }: Json) => state === 'EXTINCT').lastError).toContain('chat not found');
  expect(JSON.stringify(ends)).not.toContain(TOKEN);
  expect(telegram.delivered).toHaveLength(1);
  expect(telegram.delivered[0]).toMatchObject({ chat_id: '100', text: expect.stringContaining(title) });
  expect(telegram.delivered[0]).not.toHaveProperty('parse_mode');
  expect(telegram.tooEarly).toBe(0);
  const { notifications } = await tem.ok('GET', '/v1/users/ada/notifications');
  expect(notifications).toHaveLength(1);
  expect(notifications[0]).toMatchObject({ title: expect.stringContaining(title) });
});

test('the commands import, check, sweep, preview, show deals and a demonstration', { timeout: 120_000 }, async () => {
  const environment = { ...tem.environment, TEM_API_URL: tem.api.url };
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runTem(['price', ...args], environment);
    expect(code, stderr + stdout).toBe(0);
    return stdout;
  };
  const file = join(await makeHome(), 'products.csv');
  writeFileSync(file, `id;shop;url;price\ncli-1;s;${shop.url}/cli-1;\ncli-2;s;${shop.url}/cli-2;-5\n`);
  expect(await run('import', file)).toMatch(/1 created, 0 updated, 1 rejected\nline 3: .*invalid_price/);
  expect(await run('preview', '--popularity', '0.4')).toMatch(/hourly .*products\n[\s\S]*checks an hour/);
  expect(await run('check', 'cli-1')).toMatch(/^PROCESSED .*"price":"100.00"/);
  const { answer } = shop;
  shop.answer = (request, response) =>
    request.url === '/cli-3' ? void response.writeHead(410).end() : answer(request, response);
  await put('cli-3');
  const failing = await runTem(['price', 'check', 'cli-3'], environment);
  expect(failing).toMatchObject({ code: 1, stdout: expect.stringMatching(/^EXTINCT .*product gone/) });
  expect(await run('checks')).toMatch(/EXTINCT {2}cli-3 {2}product gone/);
  expect(JSON.parse(await run('statistics'))).toMatchObject({ successRate: expect.any(Number), byTier: {} });
  const sweep = (await run('sweeps', 'start', '--tier', 'daily')).trim();
  await tem.ended(sweep);
  expect(await run('sweeps')).toContain(`${sweep}  done  daily`);
  const refused = await runTem(['price', 'sweeps', 'pause', sweep], environment);
  expect(refused.code, refused.stdout).not.toBe(0);
  expect((await runTem(['workers', 'types'], environment)).stdout).toContain('price.sweep');
  const { kinds } = await tem.ok('GET', '/v1/scaling');
  expect(kinds.find(({ kind }: Json) => kind === 'price.check')).toMatchObject({ backlog: 0, workers: 1 });
  const demo = await run('demo', '--shops', '2', '--products', '5');
  expect(demo).toMatch(/2 shops, 10 products imported[\s\S]*a deal: Lamp[\s\S]*its notification, in the inbox/);
  expect(await run('deals')).toContain('->');
});
