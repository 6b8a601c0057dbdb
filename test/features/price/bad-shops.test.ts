// Shops that answer late, wrongly, without end or in a ring: each is an error in words, and the others keep their pace.

import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { startEngine } from './engine.ts';
import { startShop } from './shop.ts';

const PAGE =
  '<title>Lamp</title><span itemprop="price" content="12.50">x</span><meta itemprop="priceCurrency" content="EUR">';

test('whatever a shop answers, its product has an error with a code, in words, and no price', async () => {
  const { shop, product, check, pool } = await startEngine();
  const server = await startShop();
  const answers: Record<string, [answer: typeof server.answer, code: string, words: RegExp]> = {
    hangs: [() => {}, 'unreachable', /no whole answer within 2000 ms/],
    drips: [
      (_, response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        const timer = setInterval(() => response.write('x'), 100);
        response.on('close', () => clearInterval(timer));
      },
      'unreachable',
      /no whole answer/,
    ],
    endless: [
      (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
        };
        response.on('drain', more);
        more();
      },
      'page_changed',
      /more than 2097152 bytes/,
    ],
    ring: [(_, response) => void response.writeHead(302, { location: '/ring' }).end(), 'unreachable', /ring/],
    far: [
      (request, response) => void response.writeHead(302, { location: `${request.url}x` }).end(),
      'unreachable',
      /more than 5 times/,
    ],
    nowhere: [
      (_, response) => void response.writeHead(302, { location: 'http://10.0.0.1/' }).end(),
      'unreachable',
      /TEM_OUTBOUND_ALLOW/,
    ],
    gone: [(_, response) => void response.writeHead(410).end(), 'gone', /410/],
    missing: [(_, response) => void response.writeHead(404).end(), 'gone', /404/],
    bytes: [(_, response) => void response.end(Buffer.from([0, 255, 1, 254])), 'page_changed', /no HTML/],
    empty: [(_, response) => void response.end(PAGE.replace('price', 'cost')), 'no_price', /JSON-LD/],
    money: [(_, response) => void response.end(PAGE.replace('EUR', 'USD')), 'currency_changed', /USD/],
    robot: [(_, response) => void response.end('<title>Just a moment...</title>'), 'blocked', /stands before/],
  };
  server.answer = (request, response) =>
    answers[(request.url ?? '').slice(1).replace(/x+$/, '')]?.[0](request, response);
  for (const path of Object.keys(answers)) {
    // A shop each: one that fails too often would be left alone.
    await shop(path, { adapter: 'html', settings: {} });
    await product(path, path, `${server.url}/${path}`, 'EUR');
  }
  const rss = process.memoryUsage().rss;
  const results = await Promise.all(
    Object.keys(answers).map(async (path) => ({ path, error: (await check(path)).error })),
  );
  for (const { path, error } of results) {
    expect(error, path).toMatchObject({
      code: answers[path]?.[1],
      detail: expect.stringMatching(answers[path]?.[2] as RegExp),
    });
  }
  expect(process.memoryUsage().rss - rss).toBeLessThan(150 * 1_024 * 1_024);
  const { rows } = await pool.query('select id from tem.price_product where price is not null or error_code is null');
  expect(rows).toEqual([]);
});

test('a page is read by its charset and its encoding, with an ETag once', async () => {
  const { shop, product, check } = await startEngine();
  const server = await startShop();
  await shop('s', { adapter: 'html', settings: { selector: '.p' }, locale: 'tr' });
  await product('a', 's', `${server.url}/a`);
  server.answer = (request, response) => {
    if (request.headers['if-none-match'] === '"1"') return void response.writeHead(304).end();
    const bytes = Buffer.from('<title>\xdcr\xfcn</title><b class=p>1.299,90 TL</b>', 'latin1');
    response.writeHead(200, {
      'content-type': 'text/html; charset=iso-8859-9',
      'content-encoding': 'gzip',
      etag: '"1"',
    });
    response.end(gzipSync(bytes));
  };
  expect(await check('a')).toMatchObject({ price: '1299.90', currency: 'TRY', title: 'Ürün' });
  const again = await check('a');
  expect([again.price, again.error]).toEqual([undefined, undefined]);
  expect(server.pages().map(({ headers }) => headers['user-agent'])).toEqual([
    'TEM-PriceChecks/1',
    'TEM-PriceChecks/1',
  ]);
});

test('robots.txt is asked for once and obeyed', async () => {
  const { shop, product, check } = await startEngine();
  const server = await startShop({ robots: 'User-agent: *\nDisallow: /secret' });
  await shop('s');
  for (const id of ['secret', 'open']) await product(id, 's', `${server.url}/${id}`);
  expect((await check('secret')).error).toMatchObject({
    code: 'blocked',
    detail: expect.stringContaining('robots.txt'),
  });
  expect((await check('open')).price).toBe('100.00');
  expect(server.requests.map(({ path }) => path)).toEqual(['/robots.txt', '/open']);
});

test('P9: a shop that says when to come back is asked by nobody before, and others go on', async () => {
  const { shop, product, check, pool } = await startEngine();
  const [busy, other] = [await startShop(), await startShop()];
  await shop('busy');
  await shop('other');
  for (let n = 0; n < 20; n += 1) {
    await product(`b${n}`, 'busy', `${busy.url}/${n}`);
    await product(`o${n}`, 'other', `${other.url}/${n}`);
  }
  const answer = busy.answer;
  busy.answer = (_, response) => void response.writeHead(429, { 'retry-after': '2' }).end();
  const settled = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) => [check(`b${n}`), check(`o${n}`)]).flat(),
  );
  const refused = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  expect(refused).toHaveLength(20);
  expect(new Set(refused.map(({ name }) => name))).toEqual(new Set(['ShopClosed']));
  expect(other.pages()).toHaveLength(20);
  const refusedAt = Math.max(...busy.pages().map(({ atMs }) => atMs));
  busy.answer = answer;
  const asked = busy.pages().length;
  // Nobody is blamed, and the first who comes after that time closes the breaker.
  expect((await pool.query('select from tem.price_product where error_code is not null')).rowCount).toBe(0);
  await waitFor(async () => (await check('b0')).price === '100.00');
  const [first] = busy.pages().slice(asked);
  expect((first?.atMs ?? 0) - refusedAt).toBeGreaterThanOrEqual(1_990);
  expect((await pool.query('select from tem.price_breaker')).rowCount).toBe(0);
});

test('a product that fails becomes an event, and a price is written once, however often a check is repeated', async () => {
  const { shop, product, check, engine, pool } = await startEngine();
  const server = await startShop();
  await shop('s');
  await product('a', 's', `${server.url}/a`);
  server.answer = (_, response) => void response.end('{"price": 0}');
  await check('a', 'sweep/1/a');
  const { rows } = await pool.query(`select key, payload from tem.event where type = 'price.check'`);
  expect(rows).toEqual([{ key: 'sweep/1/a', payload: { product: 'a' } }]);
  server.answer = (_, response) => void response.end('{"price": "7.50"}');
  const result = await check('a');
  // The same result again, as from a worker that was taken for dead.
  await engine.record(result);
  expect((await pool.query('select price::text from tem.price_history')).rows).toEqual([{ price: '7.50' }]);
});

test('P11: deals: one for the first 90, none after a failure, for 0, for the return, for a cent, on the first check', async () => {
  const { shop, product, check, pool } = await startEngine();
  const server = await startShop();
  await shop('s');
  await product('a', 's', `${server.url}/a`);
  await pool.query(`update tem.price_deal_rule set enabled = id = 'below-median'`);
  const deals: number[] = [];
  for (const price of ['100', undefined, '100', '90', '100', '90', '0', '89.99']) {
    server.answer = (_, response) =>
      void (price === undefined ? response.writeHead(404) : response).end(JSON.stringify({ price }));
    await check('a');
    deals.push(Number((await pool.query('select count(*) from tem.price_deal')).rows[0].count));
  }
  expect(deals).toEqual([0, 0, 0, 1, 1, 1, 1, 1]);
  const [deal] = (
    await pool.query('select price::text, reference_price::text as reference, percent::float8 from tem.price_deal')
  ).rows;
  expect(deal).toEqual({ price: '90', reference: '100', percent: 10 });
  // The rule by the lowest price ever tells of one that has fallen further.
  await pool.query('update tem.price_deal_rule set enabled = true');
  server.answer = (_, response) => void response.end('{"price": "70"}');
  await check('a');
  expect((await pool.query('select count(*)::int from tem.price_deal')).rows[0].count).toBe(2);
  expect((await pool.query('select tier, found_deal from tem.price_product')).rows).toEqual([
    { tier: 1, found_deal: true },
  ]);
});
