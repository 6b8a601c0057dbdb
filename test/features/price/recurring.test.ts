// Recurring work and what is checked outside of sweeps: products that nobody has looked at, adapters of one's own, deals told
// in digests, and history that is thinned.

import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { runTem } from '../../support/processes.ts';
import { waitFor } from '../../support/wait.ts';
import { startShop, type TestShop } from './shop.ts';
import { JSON_SHOP, type Json, startSystem } from './system.ts';
import { startTelegram, TOKEN } from './telegram.ts';

const DEALS = 25;

let tem: Awaited<ReturnType<typeof startSystem>>;
let shop: TestShop;
let telegram: Awaited<ReturnType<typeof startTelegram>>;

beforeAll(async () => {
  telegram = await startTelegram();
  const settings = {
    TEM_TELEGRAM_URL: telegram.url,
    TEM_TELEGRAM_TOKEN: TOKEN,
    TEM_PRICE_ADAPTERS: fileURLToPath(new URL('./adapters.mjs', import.meta.url)),
  };
  [tem, shop] = await Promise.all([startSystem({ settings }), startShop()]);
  await tem.ok('PUT', '/v1/price/shops/s', JSON_SHOP);
});

const run = async (type: string): Promise<Json> => {
  const { id } = await tem.ok('POST', '/v1/events', { type, payload: {} });
  const ended = await tem.ended(id);
  expect(ended.state, ended.lastError).toBe('PROCESSED');
  return ended.result;
};
const put = (id: string, more: object = {}) =>
  tem.ok('PUT', `/v1/price/products/${id}`, { shop: 's', url: `${shop.url}/${id}`, ...more });

test('discovery checks what nobody has looked at, once', async () => {
  for (let n = 0; n < 30; n += 1) await put(`new-${n}`);
  expect(await run('price.discover')).toEqual({ products: 30 });
  const { events } = await tem.ok('GET', '/v1/events?type=price.batch');
  expect(events).toMatchObject([{ priority: 3 }]);
  expect(await tem.ended(events[0].id)).toMatchObject({ result: { products: 30, checked: 30, failed: 0 } });
  expect(shop.pages()).toHaveLength(30);
  expect(await run('price.discover')).toEqual({ products: 0 });
});

test('a module of one’s own reads a shop, and what it throws or doesn’t find is the page’s fault', async () => {
  const refused = await tem.call('PUT', '/v1/price/shops/labels', {
    name: 'Labels',
    adapter: 'module',
    settings: { module: 'unknown' },
  });
  expect(refused).toMatchObject({ status: 400, body: { path: '/settings/module' } });
  await tem.ok('PUT', '/v1/price/shops/labels', { name: 'Labels', adapter: 'module', settings: { module: 'labels' } });
  const { answer } = shop;
  const texts: Record<string, string> = { good: 'label=1299.90 TRY', thrown: 'throw', none: 'nothing' };
  shop.answer = (request, response) => void response.end(texts[(request.url ?? '').slice(1)]);
  for (const id of Object.keys(texts)) await put(id, { shop: 'labels' });
  const { event } = await tem.ok('POST', '/v1/price/checks', { productIds: Object.keys(texts) });
  expect(await tem.ended(event)).toMatchObject({ result: { checked: 3, failed: 2 } });
  shop.answer = answer;
  const found = async (id: string) => tem.ok('GET', `/v1/price/products/${id}`);
  expect(await found('good')).toMatchObject({ price: '1299.90', currency: 'TRY', title: 'By a label' });
  expect((await found('thrown')).lastError).toEqual({
    code: 'page_changed',
    detail: 'the adapter labels failed: no label here',
  });
  expect((await found('none')).lastError.code).toBe('page_changed');
});

test('adapters that can’t be loaded stop the start of API and worker, in words', async () => {
  for (const program of ['api', 'worker']) {
    const { code, stderr } = await runTem([program], {
      ...tem.environment,
      TEM_PRICE_ADAPTERS: './no-such-adapter.js',
    });
    expect(code, stderr).toBe(2);
    expect(stderr).toContain("TEM_PRICE_ADAPTERS: ./no-such-adapter.js can't be loaded: ");
  }
});

test('many deals are told as digests, each to a chat once ever, and a busy Telegram is obeyed', async () => {
  const ids = Array.from({ length: DEALS }, (_, n) => `deal_(${n})`);
  const check = async (): Promise<void> => {
    const { event } = await tem.ok('POST', '/v1/price/checks', { productIds: ids });
    expect(await tem.ended(event)).toMatchObject({ result: { checked: DEALS, failed: 0 } });
  };
  for (const id of ids) await put(id, { url: `${shop.url}/${id}`, title: `Kulaklık *Pro* [A_1] (2.0) <b>! ${id}` });
  await check();
  for (const id of ids) shop.prices.set(`/${id}`, '59.90');
  await check();
  await tem.ok('PUT', '/v1/price/subscriptions/chat', { chat: '100' });
  await tem.ok('PUT', '/v1/price/subscriptions/chat-again', { chat: '100', shop: 's' });
  await tem.ok('PUT', '/v1/price/subscriptions/inbox', { user: 'ada' });
  telegram.busyFor(1);
  expect(await run('price.notify')).toEqual({ deals: DEALS, told: 4 });
  await waitFor(() => telegram.delivered.length === 2);
  expect(telegram.tooEarly).toBe(0);
  const texts = telegram.delivered.map(({ text }) => String(text));
  for (const id of ids) {
    // Letter by letter, the address too.
    const told = texts.filter((text) => text.includes(`<b>! ${id}\n`) && text.includes(`${shop.url}/${id}`));
    expect(told, id).toHaveLength(1);
  }
  for (const message of telegram.delivered) {
    expect(message).not.toHaveProperty('parse_mode');
    expect(String(message.text).length).toBeLessThanOrEqual(4_096);
  }
  const { notifications } = await tem.ok('GET', '/v1/users/ada/notifications');
  expect(notifications.map(({ title }: Json) => title).sort()).toEqual(['20 deals', '5 deals']);

  expect(await run('price.notify')).toEqual({ deals: 0, told: 0 });
  // Sent by hand a second time, under another key: the chat has them already.
  const { rows } = await tem.database.pool.query('select id::text from tem.price_deal order by id limit 20');
  const again = await tem.ok('POST', '/v1/events', {
    type: 'price.telegram',
    payload: { chat: '100', deals: rows.map(({ id }) => id) },
  });
  expect(await tem.ended(again.id)).toMatchObject({ state: 'PROCESSED', result: { sent: 0 } });
  expect(telegram.delivered).toHaveLength(2);
});

test('history older than 90 days keeps the last price of each day, and newer history stays whole', async () => {
  const { pool } = tem.database;
  await put('old');
  await pool.query(`delete from tem.price_history`);
  // More than two slices: four prices on each of 3,000 days long ago, and four on each of the last ten.
  await pool.query(
    `insert into tem.price_history (product, at, price, currency)
     select 'old', date_trunc('day', now()) - d * interval '1 day' + h * interval '5 hours', 100 + h, 'EUR'
     from (select generate_series(100, 3099) as d union all select generate_series(1, 10)) days, generate_series(0, 3) h`,
  );
  expect(await run('price.cleanup')).toMatchObject({ history: 9_000 });
  const { rows } = await pool.query(
    `select at > now() - interval '90 days' as new, count(*)::int as count, min(price)::text as least from tem.price_history group by 1 order by 1`,
  );
  expect(rows).toEqual([
    { new: false, count: 3_000, least: '103' },
    { new: true, count: 40, least: '100' },
  ]);
});
