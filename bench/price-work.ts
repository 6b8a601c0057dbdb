// The work that price checks are measured at: products of 20 shops in a process of their own, the plain loop beside them,
// sweeps and single checks. Times are read from the ledger, whose clock is this machine's.

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { BenchContext } from './context.ts';
import { lastEndMs, untilAllEnded } from './ledger.ts';
import { startProgram } from './processes.ts';
import { caller } from './search-work.ts';
import type { Tem } from './tem.ts';

const SHOPS = 20;
const IN_FLIGHT = 200;
const END_WITHIN_MS = 3_600_000;
const PERSON_EVERY_MS = 250;
const LOOK_EVERY_MS = 20;
/** Limits that are on and never reached. */
const RATE_PER_MINUTE = 600_000;
const FLOW_IN_FLIGHT = 500;

export interface Shops {
  urls: string[];
  stop(): Promise<void>;
}

export async function startShops(context: BenchContext, delayMs: number): Promise<Shops> {
  const program = new URL('./price-checks/shops.ts', import.meta.url);
  const shops = startProgram(program, { shops: SHOPS, delayMs }, join(context.folder, 'shops.log'));
  return { urls: (await shops.ready).urls as string[], stop: shops.stop };
}

/** Shops that ask for little: their limits are on, and none is reached. */
export async function addShops(pool: pg.Pool, count = SHOPS): Promise<void> {
  await pool.query(
    `insert into tem.price_shop (id, name, adapter, rate_per_minute, max_in_flight, timeout_ms, settings, robots)
     select 's' || n, 'shop', 'json', $2, $3, 10000, '{"price": "/price", "currency": "/currency"}', false
     from generate_series(0, $1::int - 1) n`,
    [count, RATE_PER_MINUTE, FLOW_IN_FLIGHT],
  );
  await setLimits(pool, count);
}

export async function setLimits(pool: pg.Pool, count = SHOPS): Promise<void> {
  await pool.query(
    `insert into tem.flow (type, "group", max_in_flight, rate_limit, rate_per)
     select 'price', 's' || n, $3, $2, 'minute' from generate_series(0, $1::int - 1) n`,
    [count, RATE_PER_MINUTE, FLOW_IN_FLIGHT],
  );
}

export async function addProducts(pool: pg.Pool, urls: readonly string[], count: number): Promise<void> {
  await pool.query(
    `insert into tem.price_product (id, shop, url, tier)
     select 'p' || n, 's' || n % $2, ($3::text[])[n % $2 + 1] || '/p' || n, 5 from generate_series(0, $1::int - 1) n`,
    [count, urls.length, urls],
  );
  await pool.query('vacuum analyze tem.price_product');
}

/** All products are due, none has a price, and every check writes a row of history. */
export async function makeDue(pool: pg.Pool): Promise<void> {
  await pool.query('truncate tem.price_history');
  await pool.query(
    'update tem.price_product set next_check_at = now(), price = null, last_checked_at = null, checks = checks + 1',
  );
  await pool.query('vacuum analyze tem.price_product');
}

/** What the machine can do here: checks a second of one process that does nothing else, and its processor time. */
export async function plainLoop(
  context: BenchContext,
  { databaseUrl, pool }: Tem,
  count: number,
): Promise<{ perSecond: number; processorPer1000: number }> {
  await makeDue(pool);
  const program = new URL('./price-checks/plain.ts', import.meta.url);
  const plain = startProgram(program, { databaseUrl, inFlight: IN_FLIGHT }, join(context.folder, 'plain.log'));
  const { perSecond, processorMs } = (await plain.result) as { perSecond: number; processorMs: number };
  return { perSecond, processorPer1000: processorMs / count };
}

export interface Work {
  perSecond: number;
  /** Processor seconds for 1,000 checks, by process. */
  processor: Record<string, number>;
  /** Of the ledger, for 1,000 checks. */
  transactions: number;
}

/** A sweep of everything that is due, from the call that starts it to the last product written. */
export async function sweepAll(tem: Tem, count: number): Promise<Work> {
  const work = await watchWork(tem);
  const startedMs = Date.now();
  const { event } = await caller(tem.apiUrl)('POST', '/v1/price/sweeps', { all: true });
  await untilAllEnded(tem.pool, END_WITHIN_MS);
  const spent = await work(count);
  const { rows } = await tem.pool.query<{ checked: number; atMs: number }>(
    `select w.checked::float8 as checked, (select extract(epoch from max(last_checked_at))::float8 * 1000 from tem.price_product) as "atMs"
     from tem.price_sweep w where w.id = $1`,
    [event],
  );
  const [row] = rows;
  if (row?.checked !== count) throw new Error(`the sweep has checked ${row?.checked} of ${count} products`);
  return { perSecond: count / ((row.atMs - startedMs) / 1_000), ...spent };
}

/** Single price.check events, all at once, from the statement that enqueues them to the last PROCESSED. */
export async function checkSingly(tem: Tem, count: number): Promise<Work> {
  await makeDue(tem.pool);
  const work = await watchWork(tem);
  const startedMs = Date.now();
  await tem.pool.query(
    `select tem.enqueue('price.check', jsonb_build_object('product', id)) from tem.price_product order by id limit $1`,
    [count],
  );
  await untilAllEnded(tem.pool, END_WITHIN_MS);
  const spent = await work(count);
  return { perSecond: count / (((await lastEndMs(tem.pool, 'price.check')) - startedMs) / 1_000), ...spent };
}

/** A person's checks, one after the other until something is over; milliseconds from each call to its event's end. */
export async function personChecks(tem: Tem, products: readonly string[], over: Promise<unknown>): Promise<number[]> {
  const call = caller(tem.apiUrl);
  let isOver = false;
  void over.finally(() => {
    isOver = true;
  });
  const waits: number[] = [];
  for (let n = 0; !isOver; n += 1) {
    const startedMs = Date.now();
    const { event } = await call('POST', `/v1/price/products/${products[n % products.length]}/check`, { priority: 1 });
    waits.push((await endMs(tem.pool, String(event))) - startedMs);
    await pause(PERSON_EVERY_MS);
  }
  return waits;
}

async function endMs(pool: pg.Pool, event: string): Promise<number> {
  for (;;) {
    const { rows } = await pool.query<{ state: string; atMs: number }>(
      `select state, extract(epoch from processed_at)::float8 * 1000 as "atMs" from tem.event where id = $1`,
      [event],
    );
    const [row] = rows;
    if (row?.state === 'PROCESSED') return row.atMs;
    if (row?.state === 'EXTINCT') throw new Error(`the check ${event} ended EXTINCT`);
    await pause(LOOK_EVERY_MS);
  }
}

async function watchWork(tem: Tem): Promise<(count: number) => Promise<Omit<Work, 'perSecond'>>> {
  const transactionsBefore = await transactionsOf(tem.pool);
  const before = tem.processor();
  tem.workUs.from = Number(process.hrtime.bigint() / 1_000n);
  return async (count) => {
    tem.workUs.to = Number(process.hrtime.bigint() / 1_000n);
    const after = Object.entries(tem.processor());
    return {
      processor: Object.fromEntries(after.map(([name, ms]) => [name, (ms - (before[name] ?? 0)) / count])),
      transactions: ((await transactionsOf(tem.pool)) - transactionsBefore) / (count / 1_000),
    };
  };
}

/** As far as Postgres's sessions have told of them, which they do every second. */
async function transactionsOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    'select xact_commit::float8 as count from pg_stat_database where datname = current_database()',
  );
  return rows[0]?.count ?? 0;
}

export function inWords(work: Omit<Work, 'perSecond'> | undefined): string {
  const processor = Object.entries(work?.processor ?? {}).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`);
  return work ? `${processor.join(', ')}; ${Math.round(work.transactions)} transactions for 1,000` : 'not measured';
}
