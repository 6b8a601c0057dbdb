// A report of a million rows as CSV and as XLSX, from its acceptance to the kept file, beside `psql \copy` of the same query
// in the same run, with the worker's memory sampled while it is built.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtProgram } from '../../test/support/program.ts';
import type { BenchContext } from '../context.ts';
import type { BenchCase } from '../figures.ts';
import { type Call, caller } from '../search-work.ts';
import { startTem, type Tem } from '../tem.ts';

const MEMORY_EVERY_MS = 100;
const DONE_WITHIN_MS = 900_000;
const POLL_MS = 50;
const QUERY = 'select * from bench_orders where id <= :count';
const ORDERS = `
  create table bench_orders as
  select n as id, 9007199254740993 + n as number, (n * 7 % 100000) / 100.0::numeric(12, 2) as amount,
    'Sipariş ' || n as title, 'customer-' || n % 5000 || '@example.com' as mail, md5(n::text) as reference,
    date '2027-01-01' + n % 365 as ordered_on, timestamptz '2027-01-01 09:00+03' + n * interval '1 s' as paid_at,
    n % 3 = 0 as is_gift, case when n % 10 = 0 then null else 'İstanbul, "Üsküdar"' end as city
  from generate_series(1, $1::int) n`;

export const reports: BenchCase = {
  id: 'reports',
  title: 'A report of a million rows',
  about:
    '1,000,000 rows of ten columns, 180 bytes each as CSV: numbers, texts with Turkish letters, quotes and separators, dates, times, booleans and nulls. Seconds are from the acceptance of the run to its kept file. `psql \\copy` writes the same query to a file, before and after. API and worker run a build, as the image does.',
  figures: [
    { id: 'csv', label: 'CSV', unit: 'rows/s', target: { atLeast: 100_000 } },
    { id: 'copy', label: 'CSV, psql \\copy', unit: 'rows/s' },
    { id: 'copyShare', label: 'CSV, share of psql \\copy', unit: '', target: { atLeast: 0.5 } },
    { id: 'csvMb', label: 'CSV: worker', unit: 'MB', target: { atMost: 200 }, remark: 'RSS, every 100 ms' },
    { id: 'xlsx', label: 'XLSX', unit: 'rows/s', target: { atLeast: 20_000 } },
    { id: 'xlsxMb', label: 'XLSX: worker', unit: 'MB', target: { atMost: 300 }, remark: 'RSS, every 100 ms' },
  ],
  async run(context) {
    const count = context.count(1_000_000, 100_000);
    // As it is deployed: without the compiler that runs sources, which takes 100 MB of its own.
    const tem = await startTem(context, { program: await builtProgram(), environment: { TEM_EVENT_TYPES: '' } });
    try {
      await tem.pool.query(ORDERS.replace('$1', String(count)));
      await tem.pool.query('vacuum analyze bench_orders');
      const call = caller(tem.apiUrl);
      // The role that reads is made, and code is compiled, before anything is measured.
      await build(call, tem, 'csv', 1_000);
      const copies = [await copySeconds(context, tem, count)];
      const csv = await build(call, tem, 'csv', count);
      copies.push(await copySeconds(context, tem, count));
      const xlsx = await build(call, tem, 'xlsx', count);
      const copy = count / (copies.reduce((sum, seconds) => sum + seconds, 0) / copies.length);
      const figures = {
        csv: count / csv.seconds,
        copy,
        copyShare: count / csv.seconds / copy,
        csvMb: csv.mb,
        xlsx: count / xlsx.seconds,
        xlsxMb: xlsx.mb,
      };
      const notes = {
        rows: count,
        'CSV bytes': csv.bytes,
        'XLSX bytes': xlsx.bytes,
        'worker before, MB': csv.beforeMb,
      };
      return { figures, notes };
    } finally {
      await tem.stop();
    }
  },
};

/** `psql` of the same query by the owner of the table. */
async function copySeconds(context: BenchContext, { databaseUrl }: Tem, count: number): Promise<number> {
  const file = join(context.folder, 'copied.csv');
  const command = `\\copy (${QUERY.replace(':count', String(count))}) to '${file}' csv header`;
  const startedAt = performance.now();
  await promisify(execFile)('psql', [databaseUrl, '-X', '-q', '-c', command]).catch((error) => {
    throw error.code === 'ENOENT'
      ? new Error('psql is not on the PATH: it is what reports are measured beside')
      : error;
  });
  return (performance.now() - startedAt) / 1_000;
}

/** One run of a report to its kept file, and the most memory that the worker had resident meanwhile. */
async function build(call: Call, tem: Tem, format: 'csv' | 'xlsx', count: number) {
  await call('PUT', '/v1/reports/bench', {
    title: 'Orders',
    source: 'ledger',
    sql: QUERY,
    parameters: { count: { type: 'integer', default: count } },
    format,
    recipients: [],
  });
  const beforeMb = tem.workerMb();
  let mb = 0;
  const sampler = setInterval(() => {
    mb = Math.max(mb, tem.workerMb());
  }, MEMORY_EVERY_MS);
  try {
    const startedAt = performance.now();
    const { event } = await call('POST', '/v1/reports/bench/run', {});
    const delivery = await ended(call, String(event));
    const seconds = (performance.now() - startedAt) / 1_000;
    if (delivery.rows !== count) throw new Error(`the file has ${delivery.rows} of ${count} rows`);
    return { seconds, mb, beforeMb, bytes: Number(delivery.bytes) };
  } finally {
    clearInterval(sampler);
  }
}

async function ended(call: Call, event: string): Promise<Record<string, unknown>> {
  const giveUpAt = performance.now() + DONE_WITHIN_MS;
  while (performance.now() < giveUpAt) {
    const { deliveries } = (await call('GET', '/v1/reports/bench/deliveries?limit=5')) as {
      deliveries: Record<string, unknown>[];
    };
    const found = deliveries.find((delivery) => delivery.event === event);
    if (found?.state === 'kept') return found;
    if (found?.state === 'failed') throw new Error(`the report failed: ${found.error}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the report has no end after ${DONE_WITHIN_MS / 1_000} s`);
}
