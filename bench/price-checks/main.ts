// `npm run bench -- price-checks [--quick]`: TEM's checks beside a plain loop in the same run, and what the ledger takes
// for claims and priorities. Prints a table; `--quick` tries the harness with small counts, whose numbers mean nothing.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rankProducts } from '../../src/features/price/store/priorities.ts';
import { DUE } from '../../src/features/price/store/products.ts';
import type { BenchContext } from '../context.ts';
import { startProgram } from '../processes.ts';
import { ADMIN_KEY, startTem, type Tem } from '../tem.ts';

const SHOPS = 20;
const IN_FLIGHT = 200;
const POLL_MS = 50;
const ENVIRONMENT = { TEM_OUTBOUND_ALLOW: '127.0.0.1' };

export async function benchPriceChecks(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick');
  const folder = mkdtempSync(join(tmpdir(), 'tem-bench-price-'));
  mkdirSync(folder, { recursive: true });
  const count = (full: number, small: number): number => (quick ? small : full);
  const context = {
    quick,
    long: false,
    cold: false,
    profile: false,
    environment: {},
    folder,
    count,
    say: console.log,
  } as BenchContext;
  try {
    for (const delayMs of [0, 50]) await besidePlainLoop(context, delayMs);
    await ofTheLedger(context);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function besidePlainLoop(context: BenchContext, delayMs: number): Promise<void> {
  const tem = await startTem(context, { environment: ENVIRONMENT });
  const shops = startProgram(
    new URL('./shops.ts', import.meta.url),
    { shops: SHOPS, delayMs },
    join(context.folder, 'shops.log'),
  );
  try {
    const urls = (await shops.ready).urls as string[];
    const products = context.count(20_000, 1_000);
    await fill(tem, urls, products);
    const plain = startProgram(
      new URL('./plain.ts', import.meta.url),
      { databaseUrl: tem.databaseUrl, inFlight: IN_FLIGHT },
      join(context.folder, 'plain.log'),
    );
    const loop = Number((await plain.result).perSecond);
    await due(tem);
    const sweep = await swept(tem, products);
    const single = await singles(tem, context.count(5_000, 200));
    const ratio = (value: number): string => `${Math.round(value)}/s, ${(value / loop).toFixed(2)} of the plain loop`;
    context.say(`shops answer after ${delayMs} ms: plain loop ${Math.round(loop)}/s`);
    context.say(
      `  a sweep: ${ratio(sweep)}; single price.check events: ${ratio(single)}; worker's peak ${tem.workerPeakMb()} MB`,
    );
  } finally {
    await Promise.all([tem.stop(), shops.stop()]);
  }
}

/** Limits are on and none is reached. */
async function fill(tem: Tem, urls: readonly string[], products: number): Promise<void> {
  await tem.pool.query(
    `insert into tem.price_shop (id, name, adapter, rate_per_minute, max_in_flight, timeout_ms, settings, robots)
     select 's' || n, 'shop', 'json', 600000, 500, 10000, '{"price": "/price", "currency": "/currency"}', false
     from generate_series(0, $1::int - 1) n`,
    [urls.length],
  );
  await tem.pool.query(
    `insert into tem.flow (type, "group", max_in_flight, rate_limit, rate_per)
     select 'price', 's' || n, 500, 600000, 'minute' from generate_series(0, $1::int - 1) n`,
    [urls.length],
  );
  await tem.pool.query(
    `insert into tem.price_product (id, shop, url, tier)
     select 'p' || n, 's' || n % $2, ($3::text[])[n % $2 + 1] || '/p' || n, 5 from generate_series(0, $1::int - 1) n`,
    [products, urls.length, urls],
  );
  await tem.pool.query('analyze tem.price_product');
}

async function due(tem: Tem): Promise<void> {
  await tem.pool.query('delete from tem.price_history');
  await tem.pool.query(
    'update tem.price_product set next_check_at = now(), price = null, last_checked_at = null, checks = checks + 1',
  );
  await tem.pool.query('vacuum analyze tem.price_product');
}

async function swept(tem: Tem, products: number): Promise<number> {
  const startedAt = performance.now();
  await call(tem, '/v1/price/sweeps', { all: true });
  await until(tem, 'select count(*) from tem.price_product where last_checked_at is not null', products);
  return products / ((performance.now() - startedAt) / 1_000);
}

async function singles(tem: Tem, events: number): Promise<number> {
  await due(tem);
  const startedAt = performance.now();
  await tem.pool.query(
    `select tem.enqueue('price.check', jsonb_build_object('product', id)) from tem.price_product order by id limit $1`,
    [events],
  );
  await until(tem, `select count(*) from tem.event where type = 'price.check' and state = 'PROCESSED'`, events);
  return events / ((performance.now() - startedAt) / 1_000);
}

/** The claim of a slice from 5 million products with its plan, and the priorities of a million. */
async function ofTheLedger(context: BenchContext): Promise<void> {
  const tem = await startTem(context, { environment: ENVIRONMENT, worker: false });
  try {
    const products = context.count(5_000_000, 20_000);
    await fill(
      tem,
      Array.from({ length: SHOPS }, (_, n) => `http://127.0.0.1:${n + 1}`),
      products,
    );
    const values = (n: number) => [[5], `s${n % SHOPS}`, new Date().toISOString(), 1_000];
    const times: number[] = [];
    for (let n = 0; n < 200; n += 1) {
      const startedAt = performance.now();
      await tem.pool.query(DUE, values(n));
      times.push(performance.now() - startedAt);
    }
    times.sort((a, b) => a - b);
    context.say(`claim of a slice of 1,000 from ${products}: p50 ${ms(times[100])}, p99 ${ms(times[197])}`);
    const plan = await tem.pool.query(`explain (costs off) ${DUE}`, values(0));
    for (const row of plan.rows) context.say(`  ${row['QUERY PLAN']}`);
    const ranked = context.count(1_000_000, 20_000);
    const startedAt = performance.now();
    let longest = 0;
    for (let from = 0; from < ranked; from += 500) {
      const oneAt = performance.now();
      await rankProducts(
        tem.pool,
        Array.from({ length: 500 }, (_, n) => `p${from + n}`),
      );
      longest = Math.max(longest, performance.now() - oneAt);
    }
    context.say(
      `priorities of ${ranked}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s, longest statement ${ms(longest)}`,
    );
  } finally {
    await tem.stop();
  }
}

async function until(tem: Tem, query: string, wanted: number): Promise<void> {
  for (;;) {
    const { rows } = await tem.pool.query(query);
    if (Number(rows[0].count) >= wanted) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function call(tem: Tem, path: string, body: object): Promise<void> {
  const response = await fetch(`${tem.apiUrl}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

function ms(value = 0): string {
  return `${value.toFixed(1)} ms`;
}
