// A sweep that loses its workers again and again, and Temporal's database in its middle: everything due is checked, what is
// asked for twice is what a dead worker had asked and not yet written, and no history row is there twice.

import { expect, onTestFinished } from 'vitest';
import { startTem } from '../../support/processes.ts';
import { ownTemporal } from '../../support/servers.ts';
import { waitFor } from '../../support/wait.ts';
import { startShop } from './shop.ts';
import { JSON_SHOP, type Json, startSystem } from './system.ts';

const SHOPS = 4;
const WORKERS = 2;
const IN_FLIGHT = 5;
const KILL_EVERY_MS = 5_000;

export async function sweepThroughCrashes({ products, answerMs }: { products: number; answerMs: number }) {
  const perShop = products / SHOPS;
  const temporal = await ownTemporal();
  const tem = await startSystem({ workers: WORKERS, temporal });
  const shops = await Promise.all(Array.from({ length: SHOPS }, () => startShop()));
  for (const [n, shop] of shops.entries()) {
    const { answer } = shop;
    shop.answer = (request, response) => void setTimeout(() => answer(request, response), answerMs);
    await tem.ok('PUT', `/v1/price/shops/s${n}`, { ...JSON_SHOP, maxInFlight: IN_FLIGHT });
  }
  const lines = shops.flatMap(({ url }, n) =>
    Array.from({ length: perShop }, (_, k) => `p${n}-${k},s${n},${url}/p${k}`),
  );
  const imported = await tem.ok('POST', '/v1/price/products/import', ['id,shop,url', ...lines].join('\n'), {
    'content-type': 'text/csv',
  });
  expect(imported).toMatchObject({ created: products });

  const asked = () => shops.reduce((sum, shop) => sum + shop.pages().length, 0);
  const { event } = await tem.ok('POST', '/v1/price/sweeps', { all: true });
  const sweep = async (): Promise<Json> =>
    (await tem.ok('GET', '/v1/price/sweeps')).sweeps.find((each: Json) => each.event === event) ?? { checked: 0 };
  await waitFor(() => asked() > 0);

  let running = true;
  let killed = 0;
  const killing = (async () => {
    for (let n = 0; running; n = (n + 1) % WORKERS) {
      const until = performance.now() + KILL_EVERY_MS;
      await waitFor(() => !running || performance.now() > until, 2 * KILL_EVERY_MS);
      if (!running) return;
      tem.processes[n]?.kill('SIGKILL');
      await tem.processes[n]?.exited;
      killed += 1;
      tem.processes[n] = startTem(['worker'], tem.environment);
    }
  })();
  onTestFinished(async () => {
    running = false;
    await killing;
  });
  await waitFor(async () => (await sweep()).checked > products / 3, 600_000);
  await temporal.kill();
  temporal.loseDatabase();
  await temporal.start();
  const ended = await waitFor(async () => {
    const found = await tem.ok('GET', `/v1/events/${event}`);
    return ['PROCESSED', 'EXTINCT', 'CANCELLED'].includes(found.state) ? found : undefined;
  }, 900_000);
  running = false;
  await killing;

  expect(ended).toMatchObject({ state: 'PROCESSED', result: { due: products, checked: products, failed: 0 } });
  const missed = await tem.database.pool.query('select id from tem.price_product where price is null or checks = 0');
  expect(missed.rows).toEqual([]);
  const twice = await tem.database.pool.query('select from tem.price_history group by product having count(*) > 1');
  expect(twice.rows).toEqual([]);
  return { asked: asked(), killed };
}

/** What a dead worker, or a lost run, may have asked for and not yet written. */
export const TAIL_MAX = SHOPS * IN_FLIGHT;
