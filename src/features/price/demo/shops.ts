// The demonstration's shops: HTML pages with JSON-LD on this machine, whose prices a caller moves.

import { createServer, type Server } from 'node:http';
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

const CENTS = 100;

export async function startDemoShops(shops: number): Promise<DemoShops> {
  const factors = new Map<string, number>();
  let answered = 0;
  const servers: Server[] = [];
  const urls: string[] = [];
  for (let shop = 0; shop < shops; shop += 1) {
    const server = createServer((request, response) => {
      answered += 1;
      const product = /^\/lamp-(\d+)$/.exec(request.url ?? '')?.[1];
      if (product === undefined) return void response.writeHead(404).end();
      const base = 1_000 + ((shop * 7_919 + Number(product) * 104_729) % 200_000);
      const cents = Math.round(base * (factors.get(`${shop}/${product}`) ?? 1));
      response
        .setHeader('content-type', 'text/html; charset=utf-8')
        .end(pageOf(`Lamp ${product} of shop ${shop + 1}`, cents));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  return {
    urls,
    answered: () => answered,
    move: (shop, product, factor) => void factors.set(`${shop}/${product}`, factor),
    close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function pageOf(name: string, cents: number): string {
  const offer = { '@type': 'Offer', price: (cents / CENTS).toFixed(2), priceCurrency: 'TRY' };
  const product = JSON.stringify({ '@context': 'https://schema.org', '@type': 'Product', name, offers: offer });
  return `<!doctype html><title>${name}</title><script type="application/ld+json">${product}</script><h1>${name}</h1>`;
}
