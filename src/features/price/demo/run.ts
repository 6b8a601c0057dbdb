// `tem price demo`: shops on this machine, a sweep over all of their products, then falling prices, the deals in them, and
// the notification of a user. Everything goes through the API and the workers that run already.

import { setTimeout as pause } from 'node:timers/promises';
import type { CommandTools } from '../../../core/feature.ts';
import { startDemoShops } from './shops.ts';

const USER = 'price-demo';
const FALLEN = 5;
const FALLEN_TO = 0.7;
const LOOK_EVERY_MS = 1_000;
const WAIT_MAX_MS = 5 * 60_000;
const ENDED = ['PROCESSED', 'EXTINCT', 'CANCELLED'];

export async function runDemo(
  tools: CommandTools,
  { shops: shopsCount, products, say }: { shops: number; products: number; say: (line: string) => void },
): Promise<void> {
  const whole = (value: number, max: number): boolean => Number.isInteger(value) && value >= 1 && value <= max;
  if (!whole(shopsCount, 100) || !whole(products, 10_000))
    throw tools.failure('usage', 'give 1 to 100 --shops and 1 to 10000 --products');
  if (!tools.config().outboundAllow.some((entry) => entry.startsWith('127.')))
    say(
      'The shops are on this machine: API and worker must run with TEM_OUTBOUND_ALLOW=127.0.0.1, as TEM_OUTBOUND_ALLOW=127.0.0.1 npm start does.',
    );
  const api = tools.api();
  const send = (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) =>
    api.request(method, path, body === undefined ? undefined : JSON.stringify(body)).then((answer) => answer.body);
  const ended = async (
    event: unknown,
    look: () => Promise<void> = async () => {},
  ): Promise<Record<string, unknown>> => {
    const giveUpAt = Date.now() + WAIT_MAX_MS;
    for (;;) {
      const found = await send('GET', `/v1/events/${event}`);
      if (ENDED.includes(String(found.state))) return found;
      if (Date.now() > giveUpAt) throw tools.failure('failed', `event ${event} has not ended: is a worker running?`);
      await look();
      await pause(LOOK_EVERY_MS);
    }
  };
  const shops = await startDemoShops(shopsCount);
  try {
    for (const n of shops.urls.keys())
      await send('PUT', `/v1/price/shops/demo-${n}`, {
        name: `Demo shop ${n + 1}`,
        adapter: 'html',
        ratePerMinute: 60_000,
        maxInFlight: 50,
      });
    const lines = shops.urls.flatMap((url, n) =>
      Array.from({ length: products }, (_, k) =>
        JSON.stringify({ id: `demo-${n}-${k}`, shop: `demo-${n}`, url: `${url}/lamp-${k}` }),
      ),
    );
    const imported = (
      await api.upload('/v1/price/products/import', `${lines.join('\n')}\n`, { 'content-type': 'application/x-ndjson' })
    ).body;
    if (imported.rejectedCount !== 0) {
      const [first] = imported.rejected as { detail: string }[];
      throw tools.failure(
        'failed',
        `the products were refused: ${first?.detail}; start TEM as TEM_OUTBOUND_ALLOW=127.0.0.1 npm start`,
      );
    }
    say(`${shopsCount} shops, ${lines.length} products imported`);
    const { event } = await send('POST', '/v1/price/sweeps', { all: true });
    const sweep = await ended(event, async () => say(`  checked: ${shops.answered()} requests answered by the shops`));
    say(`a sweep checked them: ${JSON.stringify(sweep.result)}`);
    await send('PUT', '/v1/price/subscriptions/price-demo', { user: USER });
    const fallen = Array.from({ length: Math.min(FALLEN, products) }, (_, k) => k);
    for (const k of fallen) shops.move(0, k, FALLEN_TO);
    const check = await send('POST', '/v1/price/checks', { productIds: fallen.map((k) => `demo-0-${k}`), priority: 1 });
    await ended(check.event);
    const { deals } = (await send('GET', '/v1/price/deals?shop=demo-0')) as { deals: Record<string, unknown>[] };
    for (const deal of deals.slice(0, FALLEN))
      say(`a deal: ${deal.title}, ${deal.referencePrice} -> ${deal.price} ${deal.currency} (-${deal.percent} %)`);
    const notify = await send('POST', '/v1/events', { type: 'price.notify', payload: {} });
    await ended(notify.id);
    const giveUpAt = Date.now() + WAIT_MAX_MS;
    for (;;) {
      const inbox = (await send('GET', `/v1/users/${USER}/notifications?limit=1`)) as {
        notifications: { title: string }[];
      };
      const [told] = inbox.notifications;
      if (told) return say(`its notification, in the inbox of ${USER}: ${told.title}`);
      if (Date.now() > giveUpAt) throw tools.failure('failed', 'no notification came');
      await pause(LOOK_EVERY_MS);
    }
  } finally {
    shops.close();
  }
}
