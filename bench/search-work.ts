// The work that search sync is measured at: updates, steady writes, a queue that is drained, and the time until a document is
// readable.

import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { ADMIN_KEY } from './tem.ts';

const IN_TRANSACTIONS_OF = 100;
const WAIT_MS = 900_000;

/** Seconds for so many updates in transactions of 100: each row by its own statement, or all of a transaction by one. */
export async function updateAll(pool: pg.Pool, count: number, rowsEach: 1 | 100 = 1): Promise<number> {
  const client = await pool.connect();
  const startedAt = performance.now();
  try {
    for (let id = 1; id <= count; id += IN_TRANSACTIONS_OF) {
      await client.query('begin');
      for (let at = id; at < id + IN_TRANSACTIONS_OF; at += rowsEach) {
        await client.query('update listings set price = price + 1, updated_at = now() where id between $1 and $2', [
          at,
          at + rowsEach - 1,
        ]);
      }
      await client.query('commit');
    }
  } finally {
    client.release();
  }
  return (performance.now() - startedAt) / 1_000;
}

export type Call = (method: string, path: string, body?: object) => Promise<Record<string, unknown>>;

export async function drainSeconds(pool: pg.Pool, call: Call): Promise<number> {
  const startedAt = performance.now();
  await call('POST', '/v1/search-sync/queue/start');
  await until(() => isDrained(pool));
  return (performance.now() - startedAt) / 1_000;
}

/** Rows a second over the first and the last tenth of a queue whose rows were made in order. */
export async function longDrain(
  pool: pg.Pool,
  call: Call,
  { count, workerMb }: { count: number; workerMb(): number },
): Promise<{ first: number; last: number; mostMb: number }> {
  const tenth = count / 10;
  // The oldest row that waits says how far it is; to count a million rows each time would be the work that is measured.
  let mostMb = 0;
  const oldest = async (): Promise<number> => {
    mostMb = Math.max(mostMb, workerMb());
    const { rows } = await pool.query<{ id: number | null }>(
      `select min(id)::float8 as id from elasticsearch_sync_queue where status = 'pending'`,
    );
    return rows[0]?.id ?? Number.POSITIVE_INFINITY;
  };
  const from = await oldest();
  const startedAt = performance.now();
  await call('POST', '/v1/search-sync/queue/start');
  await until(async () => (await oldest()) >= from + tenth);
  const firstAt = performance.now();
  await until(async () => (await oldest()) >= from + count - tenth);
  const lastFrom = performance.now();
  await until(() => isDrained(pool));
  return {
    first: tenth / ((firstAt - startedAt) / 1_000),
    last: tenth / ((performance.now() - lastFrom) / 1_000),
    mostMb,
  };
}

export async function steady(
  pool: pg.Pool,
  call: Call,
  seconds: number,
  figures: Record<string, number>,
): Promise<void> {
  const from = new Date();
  let depth = 0;
  const startedAt = performance.now();
  for (let n = 0; n < seconds * 100; n += 1) {
    await pool.query('update listings set price = price + 1 where id = $1', [(n % 1_000) + 1]);
    if (n % 50 === 0) depth = Math.max(depth, await waiting(pool));
    const ahead = startedAt + n * 10 - performance.now();
    if (ahead > 0) await pause(ahead);
  }
  await until(() => isDrained(pool));
  const { rows } = await pool.query<{ mean: number; failed: number }>(
    `select avg(extract(epoch from processed_at - created_at) * 1000)::float8 as mean,
      (count(*) filter (where status = 'failed') * 100.0 / count(*))::float8 as failed
      from elasticsearch_sync_queue where created_at >= $1`,
    [from],
  );
  figures.steadyMean = rows[0]?.mean ?? Number.NaN;
  figures.steadyErrors = rows[0]?.failed ?? Number.NaN;
  figures.steadyDepth = depth;
  await call('GET', '/v1/search-sync/queue/health');
}

/** Milliseconds from a commit until the document is readable by its id, one after the other on an idle system. */
export async function measureLag(pool: pg.Pool, url: string, index: string, samples: number): Promise<number[]> {
  const lags: number[] = [];
  for (let n = 0; n < samples; n += 1) {
    const mark = `mark ${n} ${Math.random()}`;
    await pool.query('update listings set title = $1 where id = 1', [mark]);
    const committedAt = performance.now();
    for (;;) {
      const text = await (await fetch(`${url}/${index}/_doc/1`)).text();
      if (text.includes(mark)) break;
      if (performance.now() - committedAt > WAIT_MS) throw new Error('the document does not change');
    }
    lags.push(performance.now() - committedAt);
    await pause(50);
  }
  return lags;
}

export async function waiting(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::float8 as count from elasticsearch_sync_queue where status in ('pending', 'processing')`,
  );
  return rows[0]?.count ?? 0;
}

export async function isDrained(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ drained: boolean }>(
    `select not exists (select from elasticsearch_sync_queue where status = 'pending')
      and not exists (select from tem.search_batch) as drained`,
  );
  return rows[0]?.drained ?? false;
}

export async function until(condition: () => Promise<boolean>, everyMs = 20): Promise<void> {
  const giveUpAt = performance.now() + WAIT_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`not true within ${WAIT_MS} ms: ${condition}`);
    await pause(everyMs);
  }
}

export function caller(apiUrl: string): Call {
  return async (method, path, body) => {
    const answer = await fetch(`${apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const result = (await answer.json()) as Record<string, unknown>;
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${String(result.detail)}`);
    return result;
  };
}
