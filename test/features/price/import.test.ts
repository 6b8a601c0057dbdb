// Imports as streams: what is rejected is named by its line, nothing behind it is lost, a broken import goes on where it was,
// and the set arithmetic of the priority is that of the rules.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ImportRefused, importProducts } from '../../../src/features/price/importing/import.ts';
import { priorityOf, priorityParts, tierOf } from '../../../src/features/price/rules/priority.ts';
import { readFormula } from '../../../src/features/price/store/formula.ts';
import { rankProducts } from '../../../src/features/price/store/priorities.ts';
import { readProducts } from '../../../src/features/price/store/products.ts';
import { putShop } from '../../../src/features/price/store/shops.ts';
import { createDatabase } from '../../support/database.ts';

async function setup() {
  const { pool } = await createDatabase();
  const shop = {
    id: 's',
    name: 's',
    adapter: 'html',
    ratePerMinute: 1,
    maxInFlight: 1,
    timeoutMs: 1,
    settings: {},
    locale: 'tr',
    robots: true,
  } as const;
  await putShop(pool, shop);
  async function* chunks(text: string | Buffer, breakAfter = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 65_536) {
      if (at >= breakAfter) throw new Error('the connection broke');
      yield bytes.subarray(at, at + 65_536);
    }
  }
  const run = (
    text: string | Buffer,
    { key, breakAfter, format = 'csv' as const }: { key?: string; breakAfter?: number; format?: 'csv' | 'ndjson' } = {},
  ) => importProducts(chunks(text, breakAfter), { pool, actor: 'key test', key, format, refuseUrl: () => undefined });
  const count = async () => Number((await pool.query('select count(*) from tem.price_product')).rows[0].count);
  return { pool, run, count };
}

const HEADER = 'id;title;price;shop;url';
const row = (id: string | number, title = 'Lamba', price = '4.999,00') =>
  `${id};${title};${price};s;https://shop.example/${id}`;

test('P13: every wrong line is named with its number, and the others are there', async () => {
  const { run, count, pool } = await setup();
  const rows = Array.from({ length: 10_000 }, (_, n) => row(`r${n}`));
  const csv = [
    HEADER,
    row('A1', 'Monitör 27"'),
    row('A2', '"iki\nsatır"'),
    row('A3', '"open'),
    ...rows,
    row('B1', 'x', '-5'),
    row('B2', 'x', '1,2,3'),
    row('A1', 'twice'),
    row('B3').replace(';s;', ';none;'),
    'too;few',
    'x'.repeat(70_000),
  ].join('\n');
  const started = performance.now();
  const answer = await run(Buffer.concat([Buffer.from(`${csv}\n`), Buffer.from([0xff, 0xfe, 0x3b])]));
  const perSecond = 10_000 / ((performance.now() - started) / 1_000);
  expect(answer).toMatchObject({ created: 10_002, updated: 1, rejectedCount: 7 });
  expect(answer.rejected.map(({ line, code }) => `${line} ${code}`)).toEqual([
    '5 open_quote',
    '10006 invalid_price',
    '10007 invalid_price',
    '10009 unknown_shop',
    '10010 wrong_field_count',
    '10011 line_too_long',
    '10012 bad_utf8',
  ]);
  expect(await count()).toBe(10_002);
  const [first] = await readProducts(pool, { ids: ['A1'] });
  expect(first).toMatchObject({ title: 'twice', price: '4999.00' });
  expect((await readProducts(pool, { ids: ['A2'] }))[0]).toMatchObject({ title: 'iki\nsatır' });
  // The promise is 10,000 rows a second; others use this machine as well.
  expect(perSecond).toBeGreaterThan(1_000);
});

test('an import with a key that broke off goes on after what was committed', async () => {
  const { run, count } = await setup();
  const csv = [HEADER, ...Array.from({ length: 9_000 }, (_, n) => row(n)), row('bad', 'x', '0')].join('\n');
  await expect(run(csv, { key: 'k', breakAfter: 300_000 })).rejects.toThrow('broke');
  const committed = await count();
  expect(committed).toBeGreaterThan(0);
  expect(committed).toBeLessThan(9_000);
  const answer = await run(csv, { key: 'k' });
  expect(answer).toMatchObject({ created: 9_000, updated: 0, rejectedCount: 1, rejected: [{ line: 9_002 }] });
  expect(await run(csv, { key: 'k' })).toEqual(answer);
});

test('a header that is wrong refuses the whole, in words', async () => {
  const { run } = await setup();
  const refusals: [string, string][] = [
    ['id,shop\n', 'missing_column'],
    ['id,shop,url,colour\n', 'unknown_column'],
    ['id,id,shop,url\n', 'repeated_column'],
  ];
  for (const [csv, code] of refusals) {
    const error = await run(csv).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(ImportRefused);
    expect((error as ImportRefused).code).toBe(code);
  }
});

test('JSON lines are products too', async () => {
  const { run } = await setup();
  const url = 'https://shop.example/';
  const lines = [
    { id: '1', shop: 's', url, popularity: 12.5 },
    { id: '2', shop: 's', url, colour: 1 },
    { id: 3, shop: 's', url },
  ];
  const answer = await run(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"id":\n`, { format: 'ndjson' });
  expect(answer.rejected.map(({ line, code }) => `${line} ${code}`)).toEqual([
    '2 unknown_field',
    '3 invalid_field',
    '4 invalid_json',
  ]);
  expect(answer.created).toBe(1);
});

test('priorities in sets are those of the rules', async () => {
  const { run, pool } = await setup();
  const given = fc.sample(fc.record({ popularity: fc.integer({ min: 0, max: 10_000 }), deal: fc.boolean() }), 200);
  const lines = given.map(({ popularity, deal }, n) => ({
    id: String(n),
    shop: 's',
    url: 'https://shop.example/',
    popularity: popularity / 100,
    activeDeal: deal,
  }));
  await run(lines.map((line) => JSON.stringify(line)).join('\n'), { format: 'ndjson' });
  await pool.query(
    `insert into tem.price_history select id, now() - n * interval '1 day', 100 + n * (id::int % 7), 'EUR' from tem.price_product, generate_series(0, 3) n`,
  );
  await rankProducts(
    pool,
    lines.map(({ id }) => id),
  );
  const { weights, tiers } = await readFormula(pool);
  const volatilities = new Map(
    (await pool.query('select id, volatility::float8 as volatility from tem.price_product')).rows.map(
      ({ id, volatility }) => [id, volatility],
    ),
  );
  for (const product of await readProducts(pool, { limit: 1_000 })) {
    const line = lines[Number(product.id)];
    const parts = priorityParts(
      {
        activeDeal: line?.activeDeal ?? false,
        volatility: volatilities.get(product.id),
        popularity: line?.popularity ?? 0,
        recency: 100,
      },
      weights,
    );
    expect(product.parts).toEqual(parts);
    expect(product.tier).toBe(tierOf(priorityOf(parts), line?.activeDeal ?? false, tiers)?.tier);
  }
});
