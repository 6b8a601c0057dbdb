// Sweeps on real parts: everything due is checked once, a slow or refusing shop holds up no other, a person comes first, and
// two sweeps never have the same products.

import { beforeAll, expect, test } from 'vitest';
import { startTem } from '../../support/processes.ts';
import { waitFor } from '../../support/wait.ts';
import { startShop, type TestShop } from './shop.ts';
import { JSON_SHOP, type Json, startSystem } from './system.ts';

const PRODUCTS = 300;
const TEST_TIMEOUT_MS = 150_000;
/** Long enough that a sweep still runs when others are asked for. */
const SLOW_MS = 400;

let tem: Awaited<ReturnType<typeof startSystem>>;
let shops: TestShop[];

beforeAll(async () => {
  [tem, shops] = await Promise.all([startSystem(), Promise.all([startShop(), startShop(), startShop()])]);
  for (const n of shops.keys()) await tem.ok('PUT', `/v1/price/shops/s${n}`, JSON_SHOP);
});

async function importProducts(perShop = PRODUCTS): Promise<void> {
  const lines = shops.flatMap(({ url }, n) =>
    Array.from({ length: perShop }, (_, k) => `p${n}-${k},s${n},${url}/p${k},50`),
  );
  const csv = ['id,shop,url,popularity', ...lines].join('\n');
  const answer = await tem.ok('POST', '/v1/price/products/import', csv, { 'content-type': 'text/csv' });
  expect(answer).toMatchObject({ created: lines.length, updated: 0, rejected: [] });
}

test('a sweep checks what is due once, each shop within its limits, and a person comes before it', async () => {
  await importProducts();
  // The third has no time for now; the second answers slowly.
  shops[2]!.answer = (_request, response) => void response.writeHead(429, { 'retry-after': '900' }).end();
  const answer = shops[1]!.answer;
  shops[1]!.answer = (request, response) => void setTimeout(() => answer(request, response), SLOW_MS);
  const { event } = await tem.ok('POST', '/v1/price/sweeps', { all: true });
  await waitFor(() => shops[1]!.pages().length > 5);
  // Another one while it runs has nothing to do, whenever it gets to look.
  const other = await tem.ok('POST', '/v1/price/sweeps', { tier: 'daily' });
  await tem.ok('PUT', '/v1/price/products/person', { shop: 's1', url: `${shops[1]!.url}/person` });
  const asked = performance.now();
  await tem.ok('POST', '/v1/price/products/person/check');
  await waitFor(() => shops[1]!.pages().find(({ path }) => path === '/person'));
  expect(shops[1]!.pages().find(({ path }) => path === '/person')!.atMs - asked).toBeLessThan(5_000);

  expect(await tem.ended(other.event)).toMatchObject({ state: 'PROCESSED', result: { skipped: expect.any(String) } });

  const ended = await tem.ended(event);
  expect(ended).toMatchObject({ state: 'PROCESSED', result: { due: 3 * PRODUCTS, checked: 2 * PRODUCTS, failed: 0 } });
  expect(ended.result.detail).toContain('s2');
  for (const n of [0, 1]) {
    const paths = shops[n]!.pages()
      .map(({ path }) => path)
      .filter((path) => path !== '/person');
    expect(paths).toHaveLength(PRODUCTS);
    expect(new Set(paths).size).toBe(PRODUCTS);
  }
  // Refused, it is not asked again, and nothing is held against its products.
  expect(shops[2]!.pages().length).toBeLessThanOrEqual(JSON_SHOP.maxInFlight);
  expect((await tem.ok('GET', '/v1/price/products?shop=s2&limit=1')).products[0].lastError).toBeUndefined();
  expect(await tem.ok('GET', '/v1/price/shops/s2')).toMatchObject({
    breaker: { state: 'open', reason: expect.stringContaining('429') },
  });
  const { sweeps } = await tem.ok('GET', '/v1/price/sweeps');
  expect(sweeps.find((sweep: Json) => sweep.event === event)).toMatchObject({ state: 'done', checked: 2 * PRODUCTS });
  expect(await tem.ok('GET', '/v1/price/statistics')).toMatchObject({
    byTier: { daily: 3 * PRODUCTS + 1 },
    successRate: 1,
  });
});

test(
  'a sweep is paused and goes on; what a killed worker had is checked by another, and nothing is written twice',
  async () => {
    for (const n of [0, 1]) {
      const answer = shops[n]!.answer;
      if (n === 0) shops[n]!.answer = (request, response) => void setTimeout(() => answer(request, response), 100);
      await tem.ok('PUT', `/v1/price/shops/s${n}`, { ...JSON_SHOP, maxInFlight: 5 });
    }
    await tem.database.pool.query(`update tem.price_product set next_check_at = now() where shop in ('s0', 's1')`);
    const seen = () => shops[0]!.pages().length + shops[1]!.pages().length;
    const before = seen();
    const done = () => seen() - before;
    const total = 2 * PRODUCTS + 1;
    const { event } = await tem.ok('POST', '/v1/price/sweeps', { tier: 'daily' });
    const sweep = async (): Promise<Json> =>
      (await tem.ok('GET', '/v1/price/sweeps')).sweeps.find((each: Json) => each.event === event);
    await waitFor(() => done() > 50);
    expect(await tem.ok('POST', `/v1/price/sweeps/${event}/pause`)).toMatchObject({ state: 'paused' });
    // Everything that was under way is written, and nothing new begins.
    await waitFor(async () => (await sweep()).checked === done());
    expect(done()).toBeLessThan(total);
    await tem.ok('POST', `/v1/price/sweeps/${event}/resume`);
    const paused = done();
    await waitFor(() => done() > paused + 50);
    const { checked } = await sweep();
    tem.processes[0]!.kill('SIGKILL');
    // What was answered and not yet written, and what was on its way.
    const tail = done() - checked + 2 * 5;
    tem.processes.push(startTem(['worker'], tem.environment));
    expect(await tem.ended(event)).toMatchObject({
      state: 'PROCESSED',
      result: { due: total + PRODUCTS, checked: total },
    });
    // That is asked for twice, and no more.
    expect(done()).toBeLessThanOrEqual(total + tail);
    const { rows } = await tem.database.pool.query(
      'select from tem.price_history group by product having count(*) > 1',
    );
    expect(rows).toEqual([]);
  },
  TEST_TIMEOUT_MS,
);
