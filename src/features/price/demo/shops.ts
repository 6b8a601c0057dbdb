// The demonstration's shops: HTML pages with JSON-LD on this machine, each shop below a path of its own. Their prices move
// when a caller says so.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface DemoShops {
  /** The address of each shop. */
  urls: string[];
  /** Requests that all of them have answered. */
  answered(): number;
  /** Multiplies the price of a product. */
  move(shop: number, product: number, factor: number): void;
  close(): void;
}

const HOST = '127.0.0.1';
const CENTS = 100;

/** Rejects when the port is taken; 0 is any. */
export async function startDemoShops(shops: number, port: number): Promise<DemoShops> {
  const factors = new Map<string, number>();
  let answered = 0;
  const server = createServer((request, response) => {
    const [, shop, product] = /^\/shop-(\d+)\/lamp-(\d+)$/.exec(request.url ?? '') ?? [];
    if (shop === undefined || product === undefined) return void response.writeHead(404).end();
    answered += 1;
    const base = 1_000 + ((Number(shop) * 7_919 + Number(product) * 104_729) % 200_000);
    const cents = Math.round(base * (factors.get(`${shop}/${product}`) ?? 1));
    response
      .setHeader('content-type', 'text/html; charset=utf-8')
      .end(pageOf(`Lamp ${product} of shop ${Number(shop) + 1}`, cents));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  const address = `http://${HOST}:${(server.address() as AddressInfo).port}`;
  return {
    urls: Array.from({ length: shops }, (_, n) => `${address}/shop-${n}`),
    answered: () => answered,
    move(shop, product, factor) {
      const id = `${shop}/${product}`;
      factors.set(id, (factors.get(id) ?? 1) * factor);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function pageOf(name: string, cents: number): string {
  const offer = { '@type': 'Offer', price: (cents / CENTS).toFixed(2), priceCurrency: 'TRY' };
  const product = JSON.stringify({ '@context': 'https://schema.org', '@type': 'Product', name, offers: offer });
  return `<!doctype html><title>${name}</title><script type="application/ld+json">${product}</script><h1>${name}</h1>`;
}
