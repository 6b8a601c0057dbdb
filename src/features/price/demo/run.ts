// `tem price demo`: shops on this machine, their products imported and swept, prices that fall, the deals in them, and the
// notification of a user. Everything goes through the API and the workers that run already.

import { setTimeout as pause } from 'node:timers/promises';
import type { CommandApi, CommandTools } from '../../../core/feature.ts';
import { FLOW_TYPE } from '../checking/shop-gates.ts';
import { type DemoShops, startDemoShops } from './shops.ts';

const USER = 'price-demo';
const FALLEN = 5;
const FALLEN_TO = 0.7;
const LOOK_EVERY_MS = 1_000;
const WAIT_MAX_MS = 5 * 60_000;
const MOVE_EVERY_MS = 15_000;
const MOVED = 20;
const MOVE_MAX = 0.15;
const ENDED = ['PROCESSED', 'EXTINCT', 'CANCELLED'];

const SHOP = { adapter: 'html', ratePerMinute: 60_000, maxInFlight: 50 };

export interface DemoOptions {
  shops: number;
  products: number;
  /** After the tour the shops stay open, and their prices move, until `stop` aborts. */
  stays: boolean;
  stop: AbortSignal;
  say: (line: string) => void;
}

interface Scene extends DemoOptions {
  tools: CommandTools;
  api: CommandApi;
  running: DemoShops;
}

export async function runDemo(tools: CommandTools, options: DemoOptions): Promise<void> {
  const whole = (value: number, max: number): boolean => Number.isInteger(value) && value >= 1 && value <= max;
  if (!whole(options.shops, 100) || !whole(options.products, 10_000))
    throw tools.failure('usage', 'give 1 to 100 --shops and 1 to 10000 --products');
  const api = tools.api();
  const scene: Scene = { ...options, tools, api, running: await openShops(tools, options.shops) };
  try {
    await importAll(scene);
    await tour(scene);
    if (options.stays) await keepMoving(scene);
  } catch (error) {
    if (!options.stop.aborted) throw error;
  } finally {
    // Nobody asks shops that are closed; the next demonstration opens them again.
    await setPaused(scene, true).catch(() => {});
    scene.running.close();
  }
}

async function openShops(tools: CommandTools, count: number): Promise<DemoShops> {
  const port = tools.demoPort() ?? 0;
  try {
    return await startDemoShops(count, port);
  } catch (error) {
    const { code } = error as { code?: string };
    throw tools.failure('failed', `the shops can't have port ${port} (${code}): does another demonstration run?`);
  }
}

async function importAll(scene: Scene): Promise<void> {
  const { tools, api, running, products, say } = scene;
  for (const n of running.urls.keys())
    await send(scene, 'PUT', `/v1/price/shops/demo-${n}`, { ...SHOP, name: `Demo shop ${n + 1}` });
  await setPaused(scene, false);
  const lines = running.urls.flatMap((url, n) =>
    Array.from({ length: products }, (_, k) =>
      JSON.stringify({ id: `demo-${n}-${k}`, shop: `demo-${n}`, url: `${url}/lamp-${k}` }),
    ),
  );
  const type = { 'content-type': 'application/x-ndjson' };
  const { body } = await api.upload('/v1/price/products/import', `${lines.join('\n')}\n`, type);
  if (body.rejectedCount !== 0) {
    const [first] = body.rejected as { detail: string }[];
    const advice = "'tem up' allows them by itself; other APIs and workers need TEM_OUTBOUND_ALLOW=127.0.0.1";
    throw tools.failure('failed', `the products were refused: ${first?.detail}; ${advice}`);
  }
  say(`${running.urls.length} shops, ${lines.length} products imported`);
}

/** A sweep, prices that fall, the deals in them, and what a user is told. */
async function tour(scene: Scene): Promise<void> {
  const { running, products, say } = scene;
  const { event } = await send(scene, 'POST', '/v1/price/sweeps', { all: true });
  const sweep = await ended(scene, event, () => say(`  checked: ${running.answered()} requests answered by the shops`));
  say(`a sweep checked them: ${JSON.stringify(sweep.result)}`);
  await send(scene, 'PUT', '/v1/price/subscriptions/price-demo', { user: USER });
  // Others than the last demonstration's, whose prices have fallen already.
  const first = Math.floor(Math.random() * products);
  const fallen = Array.from({ length: Math.min(FALLEN, products) }, (_, k) => (first + k) % products);
  for (const k of fallen) running.move(0, k, FALLEN_TO);
  const productIds = fallen.map((k) => `demo-0-${k}`);
  const check = await send(scene, 'POST', '/v1/price/checks', { productIds, priority: 1 });
  await ended(scene, check.event);
  const { deals } = (await send(scene, 'GET', '/v1/price/deals?shop=demo-0')) as { deals: Record<string, unknown>[] };
  for (const deal of deals.slice(0, FALLEN))
    say(`a deal: ${deal.title}, ${deal.referencePrice} -> ${deal.price} ${deal.currency} (-${deal.percent} %)`);
  const notify = await send(scene, 'POST', '/v1/events', { type: 'price.notify', payload: {} });
  await ended(scene, notify.id);
  const told = await until(scene, 'no notification came', async () => {
    const inbox = await send(scene, 'GET', `/v1/users/${USER}/notifications?limit=1`);
    return (inbox.notifications as { title: string }[])[0];
  });
  say(`its notification, in the inbox of ${USER}: ${told.title}`);
}

async function keepMoving(scene: Scene): Promise<void> {
  const { running, api, products, stop, say } = scene;
  say(`The prices go on moving, see ${api.url}/console. Ctrl-C closes the shops.`);
  while (!stop.aborted) {
    const moved = Array.from({ length: MOVED }, () => ({
      shop: Math.floor(Math.random() * running.urls.length),
      product: Math.floor(Math.random() * products),
    }));
    for (const { shop, product } of moved) running.move(shop, product, 1 - MOVE_MAX + 2 * MOVE_MAX * Math.random());
    const productIds = [...new Set(moved.map(({ shop, product }) => `demo-${shop}-${product}`))];
    await send(scene, 'POST', '/v1/price/checks', { productIds });
    await pause(MOVE_EVERY_MS, undefined, { signal: stop });
  }
}

async function setPaused(scene: Scene, paused: boolean): Promise<void> {
  const { ratePerMinute, maxInFlight } = SHOP;
  for (const n of scene.running.urls.keys())
    await send(scene, 'PUT', `/v1/flows/${FLOW_TYPE}/demo-${n}`, {
      paused,
      maxInFlight,
      rate: { limit: ratePerMinute, per: 'minute' },
    });
}

async function send(
  { api }: Scene,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  return (await api.request(method, path, body === undefined ? undefined : JSON.stringify(body))).body;
}

function ended(scene: Scene, event: unknown, onLook?: () => void): Promise<Record<string, unknown>> {
  return until(scene, `event ${event} has not ended: is a worker running?`, async () => {
    onLook?.();
    const found = await send(scene, 'GET', `/v1/events/${event}`);
    return ENDED.includes(String(found.state)) ? found : undefined;
  });
}

async function until<Found>(
  { tools, stop }: Scene,
  failure: string,
  look: () => Promise<Found | undefined>,
): Promise<Found> {
  const giveUpAt = Date.now() + WAIT_MAX_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > giveUpAt) throw tools.failure('failed', failure);
    await pause(LOOK_EVERY_MS, undefined, { signal: stop });
  }
}
