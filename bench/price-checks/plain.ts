// The physical limit here: one Node process, one undici pool, set-wise SQL, no limits, no resume. It reads what is due, asks
// for each page with so many in flight, and writes prices and history 500 at a time.

import pg from 'pg';
import { Agent, request } from 'undici';
import { runAsChild } from '../child.ts';

interface Found {
  id: string;
  price: string;
}

const WRITTEN_AT_ONCE = 500;
const WRITE = `
  with given as (select * from unnest($1::text[], $2::numeric[]) as g(id, price)),
  history as (insert into tem.price_history (product, at, price, currency)
    select g.id, clock_timestamp(), g.price, 'EUR' from given g join tem.price_product p on p.id = g.id
    where p.price is distinct from g.price)
  update tem.price_product p set price = g.price, price_currency = 'EUR', last_checked_at = clock_timestamp(),
    next_check_at = clock_timestamp() + interval '1 day' from given g where p.id = g.id`;

runAsChild<{ databaseUrl: string; inFlight: number }>(async ({ databaseUrl, inFlight }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  const agent = new Agent({ connections: inFlight });
  const { rows } = await pool.query<{ id: string; url: string }>(
    'select id, url from tem.price_product where next_check_at <= now()',
  );
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  let waiting: Found[] = [];
  const writes: Promise<unknown>[] = [];
  const flush = (): void => {
    const set = waiting;
    waiting = [];
    if (set.length > 0) writes.push(pool.query(WRITE, [set.map(({ id }) => id), set.map(({ price }) => price)]));
  };
  const queue = [...rows];
  const work = async (): Promise<void> => {
    for (let product = queue.pop(); product; product = queue.pop()) {
      const { body } = await request(product.url, { dispatcher: agent });
      const { price } = (await body.json()) as { price: string };
      waiting.push({ id: product.id, price });
      if (waiting.length >= WRITTEN_AT_ONCE) flush();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  flush();
  await Promise.all(writes);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  await pool.end();
  await agent.close();
  return { perSecond: rows.length / seconds, processorMs: (user + system) / 1_000 };
});
