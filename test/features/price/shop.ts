// A shop for tests: an HTTP server whose answers the test decides, and which remembers what it was asked and when.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from '../../support/at-end.ts';

export interface TestShop {
  url: string;
  requests: { path: string; atMs: number; headers: IncomingMessage['headers'] }[];
  /** Requests for pages, robots.txt left out. */
  pages(): TestShop['requests'];
  /** What the next requests are answered; JSON of {price} by path unless it is set. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  /** Prices by path; 100 for others. */
  prices: Map<string, string | number>;
  currency: string;
}

/** `robots`: the text of its robots.txt; 404 unless given. */
export async function startShop({ robots }: { robots?: string } = {}): Promise<TestShop> {
  const requests: TestShop['requests'] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push({ path, atMs: performance.now(), headers: request.headers });
    if (path === '/robots.txt') {
      response.statusCode = robots === undefined ? 404 : 200;
      return void response.end(robots ?? '');
    }
    shop.answer(request, response);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  const shop: TestShop = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    pages: () => requests.filter(({ path }) => path !== '/robots.txt'),
    prices: new Map(),
    currency: 'EUR',
    answer(request, response) {
      const price = shop.prices.get(request.url ?? '') ?? '100.00';
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ price, currency: shop.currency }));
    },
  };
  return shop;
}
