// What is asked of many products at once: claims of a slice and priorities go along an index whatever the table holds, and
// priorities are computed slice by slice.

import { expect, test } from 'vitest';
import { RANK_NEXT, rankAll } from '../../../src/features/price/store/priorities.ts';
import { DUE, readDue } from '../../../src/features/price/store/products.ts';
import { createDatabase } from '../../support/database.ts';

const PRODUCTS = 20_000;
const SHOPS = 20;
const DAILY = 5;

async function setup() {
  const { pool } = await createDatabase();
  await pool.query(
    `insert into tem.price_shop (id, name, adapter, rate_per_minute, max_in_flight, timeout_ms, settings)
     select 's' || n, 'shop', 'json', 100, 10, 10000, '{}' from generate_series(0, $1::int - 1) n`,
    [SHOPS],
  );
  // Half of them are due, and only some of the prices are older than 30 days.
  await pool.query(
    `insert into tem.price_product (id, shop, url, tier, next_check_at)
     select 'p' || n, 's' || n % $2, 'https://shop.example/' || n, $3,
       now() + case when n / $2 % 2 = 0 then -1 else 1 end * n * interval '1 ms'
     from generate_series(0, $1::int - 1) n`,
    [PRODUCTS, SHOPS, DAILY],
  );
  await pool.query(
    `insert into tem.price_history select 'p' || n, now() - d * interval '20 days', 100 + d, 'EUR'
     from generate_series(0, $1::int - 1, 10) n, generate_series(0, 3) d`,
    [PRODUCTS],
  );
  await pool.query('analyze tem.price_product, tem.price_history');
  return pool;
}

/** Reads each table along which index, or `whole`. */
async function waysOf(query: (text: string) => Promise<{ rows: { plan: [{ Plan: object }] }[] }>, text: string) {
  const [row] = (await query(`explain (format json) ${text}`)).rows.map((each) => Object.values(each)[0]);
  const ways = new Set<string>();
  const walk = (node: Record<string, unknown>): void => {
    const table = node['Relation Name'];
    if (table === 'price_product' || table === 'price_history')
      if (node['Node Type'] !== 'ModifyTable') ways.add(`${table}: ${node['Index Name'] ?? 'whole'}`);
    for (const inner of (node.Plans ?? []) as Record<string, unknown>[]) walk(inner);
  };
  walk(row?.[0].Plan as Record<string, unknown>);
  return [...ways].sort();
}

test('a slice is claimed along the index of what is due, the longest due first', async () => {
  const pool = await setup();
  const values = [[DAILY], 's3', new Date().toISOString(), 1_000];
  expect(await waysOf((text) => pool.query(text, values), DUE)).toEqual(['price_product: price_product_due']);
  const due = await readDue(pool, { shop: 's3', tiers: [DAILY], asOf: new Date().toISOString(), limit: 200 });
  const ids = due.map(({ id }) => Number(id.slice(1)));
  expect(ids).toHaveLength(200);
  expect(ids).toEqual([...ids].sort((a, b) => b - a));
  expect(ids.every((n) => n % SHOPS === 3 && (n / SHOPS) % 2 < 1)).toBe(true);
});

test('priorities of all products are computed slice by slice, along indexes of products', async () => {
  const pool = await setup();
  const ways = await waysOf((text) => pool.query(text, ['p1']), RANK_NEXT);
  expect(ways).toEqual(['price_history: price_history_pkey', 'price_product: price_product_pkey']);
  const slices: number[] = [];
  let changed = 0;
  for await (const ranked of rankAll(pool)) {
    slices.push(ranked.products);
    changed += ranked.changed;
  }
  expect(slices.reduce((sum, each) => sum + each)).toBe(PRODUCTS);
  expect(Math.max(...slices)).toBe(500);
  expect(changed).toBe(PRODUCTS);
  // The price that was in force 30 days ago counts, older ones don't: 100, 101 and 102.
  const { rows } = await pool.query(`select volatility::float8 as volatility from tem.price_product where id = 'p10'`);
  const variation = Math.sqrt(2 / 3) / 101;
  expect(rows[0].volatility).toBeCloseTo(variation * 500, 3);
});
