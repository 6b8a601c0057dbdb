// An import with a line of a gigabyte over HTTP, between lines that are fine and lines that are not: memory stays what it
// was, and the answer names whatever isn't there.

import { execFileSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { ADMIN_KEY } from '../../../support/environment.ts';
import { startTem } from '../../../support/processes.ts';
import { JSON_SHOP, type Json, startSystem } from '../system.ts';

const LINE_BYTES = 1_024 ** 3;
const CHUNK = Buffer.alloc(1_024 ** 2, 'x');
const RSS_GROWTH_BYTES_MAX = 250 * 1_024 ** 2;

test('a line of 1 GB costs itself alone', { timeout: 600_000 }, async () => {
  const tem = await startSystem({ workers: 0 });
  await tem.ok('PUT', '/v1/price/shops/s', JSON_SHOP);
  // In a process of its own, whose memory is the API's alone.
  const api = startTem(['api'], tem.environment);
  onTestFinished(async () => void (await api.stop()));
  const { url } = await api.ready();
  const rss = () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(api.pid)], { encoding: 'utf8' })) * 1_024;
  const before = rss();
  let most = 0;
  async function* body(): AsyncGenerator<Buffer> {
    yield Buffer.from('id,shop,url,price\na,s,https://shop.example/a,10\n');
    for (let sent = 0; sent < LINE_BYTES; sent += CHUNK.length) {
      if (sent % (64 * CHUNK.length) === 0) most = Math.max(most, rss());
      yield CHUNK;
    }
    yield Buffer.concat([
      Buffer.from('\nb,s,https://shop.example/b,-1\nc,s,https://shop.example/'),
      Buffer.from([0xff]),
    ]);
    yield Buffer.from('\na,s,https://shop.example/a,11\nd,s,https://shop.example/d,12\n');
  }
  const response = await fetch(`${url}/v1/price/products/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'text/csv' },
    body: body(),
    duplex: 'half',
  } as unknown as RequestInit);
  const answer = (await response.json()) as Json;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  expect(answer).toMatchObject({ created: 2, updated: 1, rejectedCount: 3 });
  expect(answer.rejected.map(({ line, code }: Json) => `${line} ${code}`)).toEqual([
    '3 line_too_long',
    '4 invalid_price',
    '5 bad_utf8',
  ]);
  const { products } = await tem.ok('GET', '/v1/price/products');
  expect(products.map(({ id }: Json) => id).sort()).toEqual(['a', 'd']);
  expect(most - before).toBeLessThan(RSS_GROWTH_BYTES_MAX);
});
